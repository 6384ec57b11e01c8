import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll } from "vitest";

const packageDirectory = join(import.meta.dirname, "..");
const bundler = join(packageDirectory, "../../tools/bundle-fixture.ts");
const output = mkdtempSync(join(tmpdir(), "clauderon-fixtures-"));
const bundled = new Map<string, string>();

afterAll(() => {
  rmSync(output, { recursive: true, force: true, maxRetries: 10 });
});

/** Runs a fixture of this directory in a process of its own, on the sources as they are, put into one file so that it starts fast. */
export function fixtureCommand(name: string, args: readonly string[]): readonly [string, ...string[]] {
  const program = bundled.get(name) ?? bundle(name);
  bundled.set(name, program);
  return [process.execPath, program, ...args];
}

function bundle(name: string): string {
  const source = join(import.meta.dirname, `${name}.fixture.ts`);
  execFileSync(process.execPath, [bundler, source, packageDirectory, output, "better-sqlite3"]);
  return join(output, "bundle", `${name}.fixture.mjs`);
}

export function startFixture(name: string, args: readonly string[]): ChildProcess {
  const [program, ...rest] = fixtureCommand(name, args);
  return spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"] });
}
