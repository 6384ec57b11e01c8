import type { Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";

import type { DirectoryEntry, FileStatus } from "../contract/sandbox-files.ts";
import type { HeldDirectory } from "./held-directory.ts";

const PERMISSIONS = 0o7777;

function kindOf(stats: Stats): FileStatus["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "symlink" : "other";
}

/** Of the path itself. */
export async function fileStatus(path: string): Promise<FileStatus> {
  const stats = await lstat(path);
  const status = {
    kind: kindOf(stats),
    sizeBytes: stats.size,
    mode: stats.mode & PERMISSIONS,
    modifiedAt: stats.mtime,
  };
  return stats.isSymbolicLink() ? { ...status, target: await readlink(path) } : status;
}

/** Sorted by name; what vanishes meanwhile is left out. */
export async function directoryEntries(directory: HeldDirectory): Promise<readonly DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  for (const name of (await readdir(directory.path())).sort()) {
    try {
      entries.push({ name, ...(await fileStatus(directory.path(name))) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return entries;
}
