import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";

/**
 * The process that holds a home's lock: its daemon, whether it answers or not. Told by the kernel, so that a process which has the id of a daemon of
 * before is not taken for one. `undefined` when there is none, or the system does not tell (no `/proc`).
 */
export async function homeHolder(homeDirectory: string): Promise<number | undefined> {
  try {
    const lock = join(await realpath(homeDirectory), "daemon.lock");
    for (const pid of lockHolders(await readFile("/proc/locks", "utf8"))) if (await hasOpen(pid, lock)) return pid;
  } catch {
    // No such home, or no /proc: nothing is known.
  }
  return undefined;
}

/** Ids of the processes that hold a lock on any file, from the text of `/proc/locks`: `7: POSIX  ADVISORY  WRITE 4711 fe:01:1234 0 EOF`. */
function lockHolders(table: string): ReadonlySet<number> {
  const holders = table.matchAll(/^\d+:\s+POSIX\s+\S+\s+WRITE\s+(\d+)\s/gm);
  return new Set(Array.from(holders, ([, pid]) => Number(pid)));
}

async function hasOpen(pid: number, path: string): Promise<boolean> {
  try {
    const directory = `/proc/${pid}/fd`;
    const links = (await readdir(directory)).map((name) => readlink(join(directory, name)).catch(() => undefined));
    return (await Promise.all(links)).includes(path);
  } catch {
    // It has ended meanwhile, or belongs to somebody else.
    return false;
  }
}
