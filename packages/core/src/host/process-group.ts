import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 20;
const AFTER_KILL_MS = 1000;

/** Sends the signal to every process of the group; false when there is none (any more). Signal 0 only asks. */
export function signalGroup(groupId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-groupId, signal);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EPERM: there are processes, of another user.
    if (code === "ESRCH" || code === "EPERM") return code === "EPERM";
    throw error;
  }
}

async function isGone(groupId: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (signalGroup(groupId, 0)) {
    if (performance.now() >= deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** SIGTERM, and SIGKILL to what is left of the group after the grace. Resolves when the group is gone, or 1 s after SIGKILL. */
export async function endGroup(groupId: number, graceMs: number): Promise<void> {
  if (!signalGroup(groupId, "SIGTERM")) return;
  if (await isGone(groupId, graceMs)) return;
  signalGroup(groupId, "SIGKILL");
  await isGone(groupId, AFTER_KILL_MS);
}
