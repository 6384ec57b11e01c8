import { constants, type Stats } from "node:fs";
import { chmod, link, lstat, mkdir, open, readlink, symlink, unlink } from "node:fs/promises";

import { codeOf } from "./workspace-file-system.ts";

/** How a copy went; `taken`: something lies at its place, or in the place of a directory on the way there. */
export type ConfinedCopy = "copied" | "taken" | "leads-out" | "gone";

export interface ConfinedCopyCall {
  /** Absolute. */
  readonly from: string;
  /** Absolute. */
  readonly to: string;
  /** Relative to both, in bytes. */
  readonly path: Buffer;
}

/**
 * Copies a file or a symbolic link from one tree to the same place in another, its mode included. No link is followed on either side, nothing is written
 * over, and a link that leads out of the tree is not made. A copy is whole or not there.
 */
export async function copyConfined({ from, to, path }: ConfinedCopyCall): Promise<ConfinedCopy> {
  const names = split(path);
  const source = await parentOf(from, names, false);
  if (source === undefined) return "gone";
  const status = await statusOf(join(source, names.at(-1)));
  if (status === undefined) return "gone";
  if (status.isSymbolicLink()) {
    const target = await readlink(join(source, names.at(-1)), { encoding: "buffer" });
    if (leadsOut(names, target)) return "leads-out";
    const parent = await parentOf(to, names, true);
    if (parent === undefined) return "taken";
    return taken(async () => symlink(target, join(parent, names.at(-1))));
  }
  if (!status.isFile()) return "leads-out";
  const parent = await parentOf(to, names, true);
  if (parent === undefined) return "taken";
  return taken(() => copyFile(join(source, names.at(-1)), join(parent, names.at(-1)), status.mode & 0o777));
}

const SLASH = Buffer.from("/");

function join(directory: Buffer, name: Buffer | undefined): Buffer {
  return Buffer.concat([directory, SLASH, name ?? Buffer.alloc(0)]);
}

function split(path: Buffer): readonly Buffer[] {
  return path
    .toString("latin1")
    .split("/")
    .map((name) => Buffer.from(name, "latin1"));
}

/** The directory that holds the last name, when every part of the way is a directory and no link. */
async function parentOf(root: string, names: readonly Buffer[], isMade: boolean): Promise<Buffer | undefined> {
  let place: Buffer = Buffer.from(root);
  for (const name of names.slice(0, -1)) {
    place = join(place, name);
    const status = await statusOf(place);
    if (status?.isDirectory() === true) continue;
    if (status !== undefined || !isMade) return undefined;
    await mkdir(place);
  }
  return place;
}

async function statusOf(path: Buffer): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Whether a link with this text, at this place of a tree, names something outside of it. */
function leadsOut(names: readonly Buffer[], target: Buffer): boolean {
  const parts = target.toString("latin1").split("/");
  if (parts[0] === "") return true;
  let depth = names.length - 1;
  for (const part of parts) {
    if (part === "..") depth -= 1;
    else if (part !== "." && part !== "") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

async function taken(make: () => Promise<void>): Promise<ConfinedCopy> {
  try {
    await make();
    return "copied";
  } catch (error) {
    if (codeOf(error) === "EEXIST") return "taken";
    // The source was removed, or replaced by a link, between two looks.
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ELOOP") return "gone";
    throw error;
  }
}

const CHUNK_BYTES = 256 * 1024;

/** Written beside its place and linked there, which fails when something lies there. */
async function copyFile(from: Buffer, to: Buffer, mode: number): Promise<void> {
  const temporary = Buffer.concat([to, Buffer.from(`.${crypto.randomUUID().slice(0, 8)}~`)]);
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const target = await open(temporary, "wx", 0o600);
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      for (;;) {
        const { bytesRead } = await source.read(chunk, 0, CHUNK_BYTES, null);
        if (bytesRead === 0) break;
        await target.writeFile(chunk.subarray(0, bytesRead));
      }
      await target.sync();
    } finally {
      await target.close();
    }
    await chmod(temporary, mode);
    await link(temporary, to);
  } finally {
    await source.close();
    await unlink(temporary).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
    });
  }
}
