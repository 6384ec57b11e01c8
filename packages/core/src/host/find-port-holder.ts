import { readdir, readFile, readlink } from "node:fs/promises";

/** Who keeps a TCP port of this machine from being listened on. */
export interface PortHolder {
  /** Absent for another user's process. */
  readonly processId?: number | undefined;
  readonly program?: string | undefined;
  /** False: a connection to somewhere else happens to use it as its own end. */
  readonly isListening: boolean;
}

interface HeldSocket {
  readonly inode: string;
  readonly isListening: boolean;
}

const LISTENING = "0A";
/** Sockets that are closed already and hold nothing have it. */
const NO_INODE = "0";

/** Looks at `/proc`; `undefined` where there is none, or nobody. Never rejects. */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  try {
    const tables = await Promise.all(["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8")));
    const sockets = tables.flatMap((table) => socketsAt(table, port));
    const isListening = sockets.some((socket) => socket.isListening);
    const inodes = new Set(sockets.filter((socket) => socket.isListening === isListening).map(({ inode }) => inode));
    if (inodes.size === 0) return undefined;
    const processId = await processWithSocket(inodes);
    if (processId === undefined) return { isListening };
    return { processId, program: await programName(processId), isListening };
  } catch {
    // No /proc on this system, or not for us: the holder stays unknown.
    return undefined;
  }
}

/** In words: `process 4711 (node) listens there`. */
export function describePortHolder(holder: PortHolder | undefined): string {
  if (holder === undefined) return "another program uses it";
  const { processId, program, isListening } = holder;
  const name = program === undefined ? "" : ` (${program})`;
  const subject = processId === undefined ? "another user's process" : `process ${processId}${name}`;
  return isListening ? `${subject} listens there` : `a connection of ${subject} uses it`;
}

/** From the text of `/proc/net/tcp`. */
function socketsAt(table: string, port: number): readonly HeldSocket[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/u);
    const inode = fields[9];
    if (fields[1]?.endsWith(suffix) !== true || inode === undefined || inode === NO_INODE) return [];
    return [{ inode, isListening: fields[3] === LISTENING }];
  });
}

async function processWithSocket(inodes: ReadonlySet<string>): Promise<number | undefined> {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name));
  for (const processId of processes) {
    try {
      for (const descriptor of await readdir(`/proc/${processId}/fd`)) {
        const target = await readlink(`/proc/${processId}/fd/${descriptor}`);
        if (inodes.has(/^socket:\[(\d+)\]$/u.exec(target)?.[1] ?? "")) return Number(processId);
      }
    } catch {
      // It has ended meanwhile, or belongs to somebody else.
    }
  }
  return undefined;
}

async function programName(processId: number): Promise<string | undefined> {
  try {
    return (await readFile(`/proc/${processId}/comm`, "utf8")).trim();
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}
