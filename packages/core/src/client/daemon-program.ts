import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { DaemonError } from "../contract/errors/daemon-error.ts";
import { findProgram } from "../host/find-program.ts";

type Command = readonly [string, ...string[]];

/** The command line program: the one installed beside this package, else the one on PATH. Rejects with `daemon.unreachable` when there is none. */
export async function findDaemonProgram(environment: Readonly<Record<string, string | undefined>>): Promise<Command> {
  const beside = installedBeside();
  if (beside !== undefined) return [process.execPath, beside];
  const onPath = await findProgram("clauderon", { cwd: process.cwd(), environment });
  if ("path" in onPath) return [onPath.path];
  throw new DaemonError({
    message: "No daemon runs, and the program that starts it is not installed",
    why: "clauderon was found neither beside @clauderon/core nor on PATH",
    fix: ["install it: npm install -g clauderon", "or start the daemon another way before: clauderon daemon start"],
  });
}

function installedBeside(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve("clauderon/package.json");
    return join(dirname(manifest), "bin", "clauderon.js");
  } catch {
    // Not installed there; PATH is looked at next.
    return undefined;
  }
}
