import { setTimeout as delay } from "node:timers/promises";

import type { CallOptions } from "../contract/call-options.ts";
import { DaemonError } from "../contract/errors/daemon-error.ts";
import { findRunningDaemon } from "./find-running-daemon.ts";
import { homeHolder } from "./home-holder.ts";

/** What a daemon gets to end in order, and one that does not even answer. */
const GRACE_MS = 15_000;
const SILENT_GRACE_MS = 5000;
/** Within it the kernel ends what was killed. */
const KILLED_MS = 5000;
const LOOK_MS = 20;

/** Of `stopDaemon`. */
export interface StopDaemonOptions extends CallOptions {
  /** Milliseconds from SIGTERM to SIGKILL; default 15,000, and 5,000 for a daemon that does not answer. */
  readonly graceMs?: number | undefined;
}

/**
 * Ends the daemon of a home, answering or hung; agents go on. SIGTERM, and SIGKILL when it has not ended in time: nothing is lost by it. Resolves
 * with `false` when none ran, else when its process is gone. Rejects with `daemon.unreachable` when even that does not end it.
 */
export async function stopDaemon(homeDirectory: string, options: StopDaemonOptions = {}): Promise<boolean> {
  const running = await findRunningDaemon(homeDirectory, options.signal);
  const pid = running?.pid ?? (await homeHolder(homeDirectory));
  if (pid === undefined) return false;
  const { processStartTime } = await import("../host/processes/process-table.ts");
  const startTime = processStartTime(pid);
  // A process that has ended keeps its id until its parent looks, which in a container without an init may be never.
  const hasEnded = (): boolean => startTime === undefined || processStartTime(pid) !== startTime;
  const endsWithin = async (signal: NodeJS.Signals, deadlineMs: number): Promise<boolean> => {
    if (!hasEnded()) send(pid, signal);
    const deadline = Date.now() + deadlineMs;
    while (!hasEnded() && Date.now() < deadline) {
      options.signal?.throwIfAborted();
      await delay(LOOK_MS);
    }
    return hasEnded();
  };
  const graceMs = options.graceMs ?? (running === undefined ? SILENT_GRACE_MS : GRACE_MS);
  if ((await endsWithin("SIGTERM", graceMs)) || (await endsWithin("SIGKILL", KILLED_MS))) return true;
  throw new DaemonError({
    message: `The daemon (process ${pid}) does not end, not even when it is killed`,
    why: "the system keeps it, most often because it waits for a disk or a network drive that does not answer",
    fix: [`see what it waits for: cat /proc/${pid}/stack`, "or restart the machine; no session is lost by it"],
    context: { pid },
  });
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended between the two looks.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
