import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    bundles: string;
  }
}

const packageDirectory = join(import.meta.dirname, "..");
const bundler = join(packageDirectory, "../../tools/bundle-fixture.ts");

/** Runs a fixture of this directory in a process of its own, on the sources as they are, put into one file so that it starts fast. */
export function fixtureCommand(name: string, args: readonly string[]): readonly [string, ...string[]] {
  const output = join(inject("bundles"), name);
  const source = join(import.meta.dirname, `${name}.fixture.ts`);
  if (!existsSync(output))
    execFileSync(process.execPath, [bundler, source, packageDirectory, output, "better-sqlite3"]);
  return [process.execPath, join(output, `${name}.fixture.mjs`), ...args];
}

export function startFixture(name: string, args: readonly string[]): ChildProcess {
  const [program, ...rest] = fixtureCommand(name, args);
  return spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"] });
}
