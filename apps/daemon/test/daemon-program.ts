import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    bundles: string;
  }
}

const main = path.resolve(import.meta.dirname, "../src/main.ts");
const bundler = path.resolve(import.meta.dirname, "../../../tools/bundle-fixture.ts");

/** Program and arguments of a real daemon: the sources as they are, put together so that it starts in a fifth of the time. */
export const daemonProgram: readonly [string, ...string[]] = [
  process.execPath,
  "--conditions",
  "@clauderon/source",
  bundle(),
];

function bundle(): string {
  const output = path.join(inject("bundles"), "daemon");
  const packageDirectory = path.resolve(import.meta.dirname, "..");
  const externals = ["better-sqlite3", "@lydell/node-pty", "dockerode"];
  if (!existsSync(output)) execFileSync(process.execPath, [bundler, main, packageDirectory, output, ...externals]);
  return path.join(output, "main.mjs");
}
