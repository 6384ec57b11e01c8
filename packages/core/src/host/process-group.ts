import { readdir, readFile } from "node:fs/promises";
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

/** Zombies that nobody reaps (a container without an init) still take signals; they count for nothing. */
export async function isGroupAlive(groupId: number): Promise<boolean> {
  if (!signalGroup(groupId, 0)) return false;
  if (process.platform !== "linux") return true;
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/u.test(name)) continue;
    // What ended while it was looked at is not alive.
    const status = await readFile(`/proc/${name}/stat`, "latin1").catch(() => "");
    const [state = "X", , group] = status.slice(status.lastIndexOf(")") + 2).split(" ");
    if (Number(group) === groupId && state !== "Z" && state !== "X") return true;
  }
  return false;
}

async function isGone(groupId: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (await isGroupAlive(groupId)) {
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
