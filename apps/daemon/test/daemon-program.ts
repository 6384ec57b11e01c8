import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll } from "vitest";

const main = path.resolve(import.meta.dirname, "../src/main.ts");
const bundler = path.resolve(import.meta.dirname, "../../../tools/bundle-fixture.ts");
const output = mkdtempSync(path.join(tmpdir(), "clauderon-daemon-program-"));

afterAll(() => {
  rmSync(output, { recursive: true, force: true, maxRetries: 10 });
});

/** Program and arguments of a real daemon: the sources as they are, put together so that it starts in a fifth of the time. */
export const daemonProgram: readonly [string, ...string[]] = [
  process.execPath,
  "--conditions",
  "@clauderon/source",
  bundle(),
];

function bundle(): string {
  const packageDirectory = path.resolve(import.meta.dirname, "..");
  const externals = ["better-sqlite3", "@lydell/node-pty", "dockerode"];
  execFileSync(process.execPath, [bundler, main, packageDirectory, output, ...externals]);
  return path.join(output, "bundle", "main.mjs");
}
