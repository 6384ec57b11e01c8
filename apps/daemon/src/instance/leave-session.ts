import { spawn } from "node:child_process";
import { once } from "node:events";

import { keeperEnvironment, markerVariable } from "@clauderon/core/host";
import { leaveSandboxCgroup } from "@clauderon/terminal";

/** True when this process was started inside a session, and would be ended with it. */
export function isInsideSession(environment: NodeJS.ProcessEnv): boolean {
  return environment[markerVariable] !== undefined;
}

/** Moves this process out of the control group of a session, if it is in one. */
export function leaveSession(): void {
  leaveSandboxCgroup();
}

/**
 * Runs this program again without the marks of the session, and resolves with its exit code. What a process was started with cannot be taken out of
 * it later: others read it there.
 */
export async function runOutsideSession(environment: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    stdio: "inherit",
    env: keeperEnvironment(environment),
  });
  // Ctrl-C is for the daemon; the others come when the session ends, which it outlives.
  process.on("SIGINT", () => child.kill("SIGINT"));
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
