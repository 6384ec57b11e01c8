import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";

/** Runs a fixture of this directory in a process of its own, on the sources. */
export function fixtureCommand(name: string, args: readonly string[]): readonly [string, ...string[]] {
  return [
    process.execPath,
    "--conditions",
    "@clauderon/source",
    join(import.meta.dirname, `${name}.fixture.ts`),
    ...args,
  ];
}

export function startFixture(name: string, args: readonly string[]): ChildProcess {
  const [program, ...rest] = fixtureCommand(name, args);
  return spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"] });
}
