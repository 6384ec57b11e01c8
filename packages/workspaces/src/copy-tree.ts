import { constants } from "node:fs";
import {
  chmod,
  copyFile,
  link,
  lstat,
  lutimes,
  mkdir,
  open,
  readdir,
  readlink,
  symlink,
  utimes,
} from "node:fs/promises";

import { WorkspaceError } from "@clauderon/core/contract";

const SLASH = Buffer.from("/");

/** Copies a directory with modes, times, symbolic and hard links, and has it all on the disk when it resolves. `to` must not exist. */
export async function copyTree(from: string | Buffer, to: string | Buffer): Promise<void> {
  await copyAny(Buffer.from(from), Buffer.from(to), new Map());
}

async function copyAny(from: Buffer, to: Buffer, linked: Map<string, Buffer>): Promise<void> {
  const status = await lstat(from);
  if (status.isDirectory()) {
    await mkdir(to, { mode: 0o700 });
    for (const name of await readdir(from, { encoding: "buffer" }))
      await copyAny(Buffer.concat([from, SLASH, name]), Buffer.concat([to, SLASH, name]), linked);
    await syncPath(to);
    await utimes(to, status.atimeMs / 1000, status.mtimeMs / 1000);
    await chmod(to, status.mode & 0o7777);
    return;
  }
  if (status.isSymbolicLink()) {
    await symlink(await readlink(from, { encoding: "buffer" }), to);
    await lutimes(to, status.atimeMs / 1000, status.mtimeMs / 1000);
    return;
  }
  if (!status.isFile()) throw cannotCopy(from);
  const key = `${String(status.dev)} ${String(status.ino)}`;
  const earlier = status.nlink > 1 ? linked.get(key) : undefined;
  if (earlier !== undefined) {
    await link(earlier, to);
    return;
  }
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  await syncPath(to);
  await utimes(to, status.atimeMs / 1000, status.mtimeMs / 1000);
  await chmod(to, status.mode & 0o7777);
  if (status.nlink > 1) linked.set(key, to);
}

function cannotCopy(path: Buffer): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.exists",
    message: `${JSON.stringify(path.toString())} cannot be kept`,
    why: "it is a socket, a pipe or a device, and the worktree lies on another file system than the home",
    fix: ["end the program that uses it, remove it, and try again"],
  });
}

/** What was written to a file or directory is on the disk when it resolves. */
export async function syncPath(path: string | Buffer): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
