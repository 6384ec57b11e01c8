import { readdir, readFile, readlink } from "node:fs/promises";

import { askHealth } from "./ask-health.ts";

/** Who listens on a port of this machine, as far as can be told. */
export interface PortOwner {
  readonly pid?: number | undefined;
  readonly program?: string | undefined;
  /** True when it is a clauderon daemon (of another home). */
  readonly isClauderon: boolean;
}

const LISTENING = "0A";

/** Looks at `/proc` where there is one; processes of other users stay nameless. Never rejects. */
export async function findPortOwner(port: number): Promise<PortOwner> {
  const health = await askHealth(`http://127.0.0.1:${port}`);
  const pid = health?.pid ?? (await listeningProcess(port));
  if (pid === undefined) return { isClauderon: health !== undefined };
  const program = await programName(pid);
  return { pid, ...(program === undefined ? {} : { program }), isClauderon: health !== undefined };
}

/** In words: `process 4711 (node)`. */
export function describePortOwner(owner: PortOwner): string {
  const name = owner.program === undefined ? "" : ` (${owner.program})`;
  const subject = owner.pid === undefined ? "another program" : `process ${owner.pid}${name}`;
  return owner.isClauderon ? `${subject}, the daemon of another clauderon home` : subject;
}

async function listeningProcess(port: number): Promise<number | undefined> {
  try {
    const tables = await Promise.all(["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8")));
    const inodes = new Set(tables.flatMap((table) => listeningInodes(table, port)));
    return inodes.size === 0 ? undefined : await processWithSocket(inodes);
  } catch {
    // No /proc on this system, or not for us: the owner stays unknown.
    return undefined;
  }
}

/** Inodes of the sockets that listen on the port, from the text of `/proc/net/tcp`. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const isOurs = fields[1]?.endsWith(suffix) === true && fields[3] === LISTENING;
    return isOurs && fields[9] !== undefined ? [fields[9]] : [];
  });
}

async function processWithSocket(inodes: ReadonlySet<string>): Promise<number | undefined> {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    try {
      for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
        const target = await readlink(`/proc/${pid}/fd/${descriptor}`);
        if (inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "")) return Number(pid);
      }
    } catch {
      // It has ended meanwhile, or belongs to somebody else.
    }
  }
  return undefined;
}

async function programName(pid: number): Promise<string | undefined> {
  try {
    return (await readFile(`/proc/${pid}/comm`, "utf8")).trim();
  } catch {
    // It has ended meanwhile, or there is no /proc.
    return undefined;
  }
}
