import { readdir, readFile, readlink } from "node:fs/promises";
import { endianness } from "node:os";
import { join } from "node:path";

import { homeOfProcess } from "./home-of-process.ts";

/** Who keeps a TCP port of this machine from being listened on. */
export interface PortHolder {
  /** Absent for another user's process. */
  readonly processId?: number | undefined;
  readonly program?: string | undefined;
  /** False: a connection to somewhere else happens to use it as its own end. */
  readonly isListening: boolean;
  /** The home that the process serves, where it is a daemon or a proxy of clauderon's. */
  readonly home?: string | undefined;
}

export interface FindPortHolderOptions {
  /** The loopback address that was to be listened on. Default `127.0.0.1`. */
  readonly address?: "127.0.0.1" | "::1" | undefined;
  /** Default `/proc`. */
  readonly procDirectory?: string | undefined;
}

interface HeldSocket {
  readonly inode: string;
  readonly isListening: boolean;
}

const LISTENING = "0A";
/** Sockets that are closed already and hold nothing have it. */
const NO_INODE = "0";

/** Who is on a port at an address, or at all addresses. Looks at `/proc`, once; `undefined` where there is none, or nobody. Never rejects. */
export async function findPortHolder(
  port: number,
  { address = "127.0.0.1", procDirectory = "/proc" }: FindPortHolderOptions = {},
): Promise<PortHolder | undefined> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map(async (name) => {
      // A system without /proc, one without IPv6, or not for us.
      return readFile(join(procDirectory, "net", name), "utf8").catch(() => "");
    }),
  );
  const places = placesOf(address, port);
  const sockets = tables.flatMap((table) => socketsAt(table, places));
  const isListening = sockets.some((socket) => socket.isListening);
  const inodes = new Set(sockets.filter((socket) => socket.isListening === isListening).map(({ inode }) => inode));
  if (inodes.size === 0) return undefined;
  const processId = await processWithSocket(inodes, procDirectory);
  if (processId === undefined) return { isListening };
  const [program, home] = await Promise.all([
    programName(processId, procDirectory),
    homeOfProcess(processId, procDirectory),
  ]);
  return { processId, program, isListening, ...(home === undefined ? {} : { home }) };
}

/** In words: `process 4711 (node) listens there`. */
export function describePortHolder(holder: PortHolder | undefined): string {
  if (holder === undefined) return "another program uses it";
  const { processId, program, isListening, home } = holder;
  const name = program === undefined ? "" : ` (${program})`;
  const whose = home === undefined ? "" : `, which serves the clauderon home ${home},`;
  const subject = processId === undefined ? "another user's process" : `process ${processId}${name}${whose}`;
  return isListening ? `${subject} listens there` : `a connection of ${subject} uses it`;
}

/** The command that tells more than this process can find out; `undefined` where it found the process. */
export function portHolderHint(
  port: number,
  holder: PortHolder | undefined,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  if (holder?.processId !== undefined) return undefined;
  if (platform === "linux") return `sudo ss -tanp 'sport = :${port}'`;
  const listing = `lsof -nP -iTCP:${port} -sTCP:LISTEN`;
  return holder === undefined ? listing : `sudo ${listing}`;
}

/** The local ends, as `/proc/net` writes them, that keep the address from being listened on: itself and those that stand for all. */
function placesOf(address: "127.0.0.1" | "::1", port: number): ReadonlySet<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const all = "0".repeat(8);
  const one = word("7F000001");
  const addresses =
    address === "::1"
      ? [`${all.repeat(3)}${word("00000001")}`, all.repeat(4)]
      : [one, all, `${all.repeat(2)}${word("0000FFFF")}${one}`, all.repeat(4)];
  return new Set(addresses.map((each) => `${each}${suffix}`));
}

/** 32 bits of an address are written as the machine's own number. */
function word(networkOrder: string): string {
  return endianness() === "LE" ? (networkOrder.match(/../gu) ?? []).reverse().join("") : networkOrder;
}

/** From the text of `/proc/net/tcp`. */
function socketsAt(table: string, places: ReadonlySet<string>): readonly HeldSocket[] {
  return table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/u);
    const inode = fields[9];
    if (!places.has(fields[1] ?? "") || inode === undefined || inode === NO_INODE) return [];
    return [{ inode, isListening: fields[3] === LISTENING }];
  });
}

async function processWithSocket(inodes: ReadonlySet<string>, procDirectory: string): Promise<number | undefined> {
  const names = await readdir(procDirectory).catch((): string[] => []);
  for (const processId of names.filter((name) => /^\d+$/u.test(name))) {
    const directory = join(procDirectory, processId, "fd");
    // It has ended meanwhile, or belongs to somebody else.
    for (const descriptor of await readdir(directory).catch((): string[] => [])) {
      // One that is closed while it is looked at hides none of the others.
      const target = await readlink(join(directory, descriptor)).catch(() => "");
      if (inodes.has(/^socket:\[(\d+)\]$/u.exec(target)?.[1] ?? "")) return Number(processId);
    }
  }
  return undefined;
}

async function programName(processId: number, procDirectory: string): Promise<string | undefined> {
  try {
    return (await readFile(join(procDirectory, String(processId), "comm"), "utf8")).trim();
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}
