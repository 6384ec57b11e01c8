import { setTimeout as delay } from "node:timers/promises";

import { DaemonError } from "../contract/errors/daemon-error.ts";
import { findRunningDaemon } from "./find-running-daemon.ts";

const STOP_MS = 15_000;
const LOOK_MS = 20;

/**
 * Ends the daemon of a home (SIGTERM); agents go on. Resolves with `false` when none ran, else when its process is gone. Rejects with
 * `daemon.unreachable` when it does not end.
 */
export async function stopDaemon(
  homeDirectory: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const file = await findRunningDaemon(homeDirectory, options.signal);
  if (file === undefined) return false;
  const { processStartTime } = await import("../host/processes/process-table.ts");
  const startTime = processStartTime(file.pid);
  if (startTime === undefined) return true;
  process.kill(file.pid, "SIGTERM");
  const deadline = Date.now() + STOP_MS;
  while (Date.now() < deadline) {
    options.signal?.throwIfAborted();
    // A process that has ended keeps its id until its parent looks, which in a container without an init may be never.
    if (processStartTime(file.pid) !== startTime) return true;
    await delay(LOOK_MS);
  }
  throw new DaemonError({
    message: `The daemon (process ${file.pid}) does not end`,
    fix: [`end it: kill -9 ${file.pid}`, "agents go on; the next command starts a new daemon"],
    context: { pid: file.pid },
  });
}
