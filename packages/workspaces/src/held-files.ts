import { createHash } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path/posix";

const isLinux = process.platform === "linux";
const SLASH = Buffer.from("/");
const CHUNK_BYTES = 256 * 1024;
const START_BYTES = 1024;
/** Files that are open at the same time, and looks that are under way. */
const HELD_AT_ONCE = 256;
const LOOKS_AT_ONCE = 16;

/** A file of a tree that somebody may be writing. */
export interface HeldFile {
  readonly bytes: number;
  readonly sha256: string;
  /** At most 1,024 bytes of it. */
  readonly start: Buffer;
}

/** What lies at a path. */
export interface EntryStatus {
  /** `st_mode` */
  readonly mode: number;
  /** Differs when it is another file, or was written. */
  readonly stamp: string;
  /** From then on, in milliseconds since 1970, whoever writes it gives it another stamp. */
  readonly settledAt: number;
}

/** A file or link of such a tree while it is held open. */
export interface HeldEntry extends EntryStatus {
  readonly path: string;
  /** Where another program of this user's finds the very file. */
  readonly address?: string | undefined;
  /** Where a symbolic link leads. */
  readonly target?: Buffer | undefined;
}

/**
 * Copies files and symbolic links from a tree that somebody may be writing into one of ours, permissions to execute included; what is not there, or is neither, is
 * left out. On Linux each directory on the way is held open, so that one which is replaced by a link meanwhile shows nothing of where that leads; elsewhere each is
 * looked at before it is gone through. Paths are bytes, held one per character (`latin1`).
 */
export async function copyHeld(from: string, to: string, paths: readonly string[]): Promise<void> {
  await eachHeld(from, paths, async (place, path) => {
    const target = Buffer.concat([Buffer.from(to), SLASH, Buffer.from(path, "latin1")]);
    const make = (): Promise<unknown> =>
      mkdir(Buffer.concat([Buffer.from(to), SLASH, Buffer.from(dirname(path), "latin1")]), { recursive: true });
    const link = await linkAt(place);
    if (link !== undefined) {
      await make();
      return symlink(link, target);
    }
    await using source = await fileAt(place);
    if (source === undefined) return;
    await make();
    const { mode } = await source.stat();
    await using copy = await open(target, "wx", 0o600 | (mode & 0o111));
    for await (const chunk of chunksOf(source)) await copy.writeFile(chunk);
  });
}

/** What regular files of such a tree hold, read in the same way. */
export async function lookAtHeld(from: string, paths: readonly string[]): Promise<ReadonlyMap<string, HeldFile>> {
  const found = new Map<string, HeldFile>();
  await eachHeld(from, paths, async (place, path) => {
    await using source = await fileAt(place);
    if (source === undefined) return;
    const hash = createHash("sha256");
    let start: Buffer = Buffer.alloc(0);
    let bytes = 0;
    for await (const chunk of chunksOf(source)) {
      hash.update(chunk);
      bytes += chunk.length;
      if (start.length < START_BYTES) start = Buffer.concat([start, chunk]).subarray(0, START_BYTES);
    }
    found.set(path, { bytes, sha256: hash.digest("hex"), start });
  });
  return found;
}

/**
 * Gives regular files and symbolic links of such a tree out while they are open, found in the same way, some hundred at a time; what is not there, or is neither, is
 * left out. On Linux an address leads to the open file and nowhere else, whatever its name leads to by then.
 */
export async function holdFiles(
  from: string,
  paths: readonly string[],
  work: (held: readonly HeldEntry[]) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < paths.length; at += HELD_AT_ONCE) {
    await using files = new AsyncDisposableStack();
    const held: HeldEntry[] = [];
    await eachHeld(from, paths.slice(at, at + HELD_AT_ONCE), async (place, path) => {
      const seen = await unlessGone(lstat(place, { bigint: true }));
      if (seen?.isSymbolicLink() === true) {
        const target = await unlessGone(readlink(place, { encoding: "buffer" }));
        if (target !== undefined) held.push({ ...statusFrom(seen), path, target });
      }
      const file = seen?.isFile() === true ? await openFile(place) : undefined;
      if (file === undefined) return;
      files.use(file);
      const address = isLinux ? `/proc/${String(process.pid)}/fd/${String(file.fd)}` : place.toString();
      held.push({ ...statusFrom(await file.stat({ bigint: true })), path, address });
    });
    if (held.length > 0) await work(held);
  }
}

export function statusFrom({ mode, ino, size, mtimeNs, ctimeNs }: BigIntStats): EntryStatus {
  // Some file systems count whole seconds; the others as often as the kernel's clock ticks.
  const graceMs = ctimeNs % 1_000_000_000n === 0n ? 2000 : 100;
  return {
    mode: Number(mode),
    stamp: [mode, ino, size, mtimeNs, ctimeNs].join(" "),
    settledAt: Number(ctimeNs / 1_000_000n) + graceMs,
  };
}

/** Writes a file of such a copy. */
export async function writeBeside(to: string, path: string, text: string | Uint8Array): Promise<void> {
  const parent = Buffer.concat([Buffer.from(to), SLASH, Buffer.from(dirname(path), "latin1")]);
  await mkdir(parent, { recursive: true });
  await writeFile(Buffer.concat([Buffer.from(to), SLASH, Buffer.from(path, "latin1")]), text, { flag: "wx" });
}

type Visit = (place: Buffer, path: string) => Promise<void>;

async function eachHeld(root: string, paths: readonly string[], visit: Visit): Promise<void> {
  for (const [parent, inside] of Map.groupBy(paths, (path) => dirname(path))) {
    await using directory = await enter(root, parent === "." ? [] : parent.split("/"));
    if (directory === undefined) continue;
    const held = isLinux
      ? heldPath(directory)
      : Buffer.concat([Buffer.from(root), SLASH, Buffer.from(parent, "latin1")]);
    for (let at = 0; at < inside.length; at += LOOKS_AT_ONCE) {
      const visits = inside
        .slice(at, at + LOOKS_AT_ONCE)
        .map((path) =>
          visit(Buffer.concat([held, SLASH, Buffer.from(path.slice(path.lastIndexOf("/") + 1), "latin1")]), path),
        );
      // A directory that is closed while somebody looks through it would be another by its number.
      const ended = await Promise.allSettled(visits);
      for (const visited of ended) if (visited.status === "rejected") throw visited.reason;
    }
  }
}

const heldPath = ({ fd }: FileHandle): Buffer => Buffer.from(`/proc/self/fd/${String(fd)}`);

/** `undefined` when a part of the way is not there, or no directory. */
async function enter(root: string, names: readonly string[]): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  let place = Buffer.from(root);
  let current = await open(place, flags);
  for (const name of names) {
    await using parent = current;
    place = Buffer.concat([isLinux ? heldPath(parent) : place, SLASH, Buffer.from(name, "latin1")]);
    const next = await unlessGone(open(place, flags | constants.O_NOFOLLOW));
    if (next === undefined) return undefined;
    current = next;
  }
  return current;
}

async function linkAt(place: Buffer): Promise<Buffer | undefined> {
  const status = await unlessGone(lstat(place));
  return status?.isSymbolicLink() === true ? unlessGone(readlink(place, { encoding: "buffer" })) : undefined;
}

/** A pipe in the file's place would hold the caller for ever. */
async function fileAt(place: Buffer): Promise<FileHandle | undefined> {
  return (await unlessGone(lstat(place)))?.isFile() === true ? openFile(place) : undefined;
}

async function openFile(place: Buffer): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await unlessGone(open(place, flags));
  if (file === undefined || (await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}

async function* chunksOf(file: FileHandle): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return;
    yield chunk.subarray(0, bytesRead);
  }
}

/** Removed or replaced since somebody looked. */
async function unlessGone<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (["ENOENT", "ENOTDIR", "ELOOP", "EINVAL", "ENXIO"].includes(code)) return undefined;
    throw error;
  }
}
