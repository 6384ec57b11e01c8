import { constants } from "node:fs";
import {
  access,
  chmod,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rmdir,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname } from "node:path";

import { copyTree, syncPath } from "./copy-tree.ts";
import {
  copyHeld,
  type EntryStatus,
  type HeldEntry,
  type HeldFile,
  holdFiles,
  lookAtHeld,
  statusFrom,
  writeBeside,
} from "./held-files.ts";
import { claimFile, faceOf, placeFile } from "./place-file.ts";
import { removeTree } from "./remove-tree.ts";

/** What lies at a path; symbolic links are not followed. */
export type EntryKind = "file" | "directory" | "link" | "other" | "absent";

/** Bytes of a path, for names that are not UTF-8. */
export type PathBytes = string | Buffer;

/** Every file-system call of this package, so that a test can fail each one. */
export interface WorkspaceFileSystem {
  kindOf(path: PathBytes): Promise<EntryKind>;
  /** What lies there with its permissions (`st_mode`); `undefined` when there is nothing. */
  modeOf(path: PathBytes): Promise<number | undefined>;
  statusOf(path: PathBytes): Promise<EntryStatus | undefined>;
  isReadable(path: PathBytes): Promise<boolean>;
  /** When a file was last written, in milliseconds since 1970; 0 when there is none. */
  writtenAt(path: PathBytes): Promise<number>;
  setWrittenAt(path: PathBytes, ms: number): Promise<void>;
  /** Permissions of a file or directory. */
  setMode(path: PathBytes, mode: number): Promise<void>;
  /** With symbolic links followed; rejects when there is nothing. */
  realPath(path: string): Promise<string>;
  /** Differs when a file was written; empty when there is none. */
  stampOf(path: PathBytes): Promise<string>;
  /** `undefined` when there is no such file. */
  readText(path: string): Promise<string | undefined>;
  /** Names in a directory; empty when there is none. */
  names(path: PathBytes): Promise<readonly string[]>;
  /** The same as bytes, held one per character (`latin1`). */
  byteNames(path: PathBytes): Promise<readonly string[]>;
  /** With parents; no error when it exists. */
  makeDirectory(path: PathBytes): Promise<void>;
  writeText(path: string, text: string): Promise<void>;
  /** Replaces the file so that after a crash either the old or the new text is there, on the disk. */
  replaceDurably(path: string, text: string): Promise<void>;
  rename(from: PathBytes, to: PathBytes): Promise<void>;
  /** Whole trees; no error when it is gone. */
  remove(path: PathBytes): Promise<void>;
  /** Only when empty or absent; tells nothing otherwise. */
  removeIfEmpty(path: PathBytes): Promise<void>;
  link(target: string, path: string): Promise<void>;
  /** The same file under a second name; a copy where the disk cannot. */
  shareFile(from: string, to: string): Promise<void>;
  /** A file with its mode or a symbolic link, over what was there. */
  copyEntry(from: Buffer, to: Buffer): Promise<void>;
  /** A whole directory as it is, times included, on the disk when it resolves; nothing may be at `to`. */
  copyTree(from: PathBytes, to: PathBytes): Promise<void>;
  /** What was written to a file or directory is on the disk when it resolves. */
  sync(path: PathBytes): Promise<void>;
  /** Kind, executable bit and digest of the content of a file or link: equal when git could not tell two apart. */
  faceOf(path: PathBytes): Promise<string>;
  /** Moves a file or link to where nothing may be: rejects with `EEXIST`, and is never there in part. */
  place(from: PathBytes, to: PathBytes): Promise<void>;
  /** Makes a file with this text when there is none; false when there is one. It is never there without its text. */
  claim(path: string, text: string): Promise<boolean>;
  /** Disk space that a tree takes. */
  bytesOf(path: string): Promise<number>;
  /** Files and links of a tree that somebody may be writing, into one of ours; no link is followed. */
  copyHeld(from: string, to: string, paths: readonly string[]): Promise<void>;
  /** What regular files of such a tree hold. */
  lookAtHeld(from: string, paths: readonly string[]): Promise<ReadonlyMap<string, HeldFile>>;
  /** Regular files and links of such a tree while they are open; what is not there is left out. */
  holdFiles(from: string, paths: readonly string[], work: (held: readonly HeldEntry[]) => Promise<void>): Promise<void>;
  /** A file of ours in such a copy. */
  writeBeside(to: string, path: string, text: string | Uint8Array): Promise<void>;
}

/** The real one. */
export const nodeFileSystem: WorkspaceFileSystem = {
  kindOf: async (path) => {
    const status = await absentAsUndefined(lstat(path));
    if (status === undefined) return "absent";
    if (status.isFile()) return "file";
    if (status.isDirectory()) return "directory";
    return status.isSymbolicLink() ? "link" : "other";
  },
  modeOf: async (path) => (await absentAsUndefined(lstat(path)))?.mode,
  statusOf: async (path) => {
    const status = await absentAsUndefined(lstat(path, { bigint: true }));
    return status === undefined ? undefined : statusFrom(status);
  },
  isReadable: (path) =>
    access(path, constants.R_OK).then(
      () => true,
      () => false,
    ),
  writtenAt: async (path) => (await absentAsUndefined(lstat(path)))?.mtimeMs ?? 0,
  setWrittenAt: (path, ms) => utimes(path, ms / 1000, ms / 1000),
  setMode: (path, mode) => chmod(path, mode),
  realPath: (path) => realpath(path),
  stampOf: async (path) => {
    const status = await absentAsUndefined(lstat(path));
    return status === undefined ? "" : `${String(status.size)} ${String(status.mtimeMs)}`;
  },
  readText: (path) => absentAsUndefined(readRegular(path)),
  names: async (path) => (await absentAsUndefined(readdir(path))) ?? [],
  byteNames: async (path) =>
    ((await absentAsUndefined(readdir(path, { encoding: "buffer" }))) ?? []).map((name) => name.toString("latin1")),
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true });
  },
  writeText: (path, text) => writeFile(path, text, { mode: 0o600 }),
  replaceDurably,
  rename,
  remove: removeTree,
  removeIfEmpty: async (path) => {
    try {
      await rmdir(path);
    } catch (error) {
      if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(error) ?? "")) throw error;
    }
  },
  link: symlink,
  shareFile: async (from, to) => {
    try {
      await link(from, to);
    } catch (error) {
      if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV"].includes(codeOf(error) ?? "")) throw error;
      await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    }
  },
  copyEntry: async (from, to) => {
    await removeTree(to);
    const status = await lstat(from);
    if (status.isSymbolicLink()) return symlink(await readlink(from, { encoding: "buffer" }), to);
    return copyFile(from, to, constants.COPYFILE_FICLONE);
  },
  copyTree,
  sync: syncPath,
  faceOf,
  place: placeFile,
  claim: claimFile,
  bytesOf: (path) => bytesOf(Buffer.from(path)),
  copyHeld,
  lookAtHeld,
  holdFiles,
  writeBeside,
};

/** A pipe in the file's place would hold the caller for ever. */
async function readRegular(path: string): Promise<string | undefined> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return (await file.stat()).isFile() ? await file.readFile("utf8") : undefined;
}

async function bytesOf(path: Buffer): Promise<number> {
  const status = await absentAsUndefined(lstat(path));
  if (status === undefined) return 0;
  let bytes = status.blocks * 512;
  if (!status.isDirectory()) return bytes;
  for (const name of (await absentAsUndefined(readdir(path, { encoding: "buffer" }))) ?? [])
    bytes += await bytesOf(Buffer.concat([path, Buffer.from("/"), name]));
  return bytes;
}

async function replaceDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncPath(dirname(path));
}

async function absentAsUndefined<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** `ENOENT` and the like. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
