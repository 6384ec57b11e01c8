import { lchown, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Gives a directory and all in it to a user, symlinks themselves and not what they lead to. Nobody else may change the tree meanwhile: the
 * sandbox does not run.
 */
export async function giveTree(path: string, owner: Owner): Promise<void> {
  const status = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (status === undefined) return;
  if (status.uid !== owner.uid || status.gid !== owner.gid) await lchown(path, owner.uid, owner.gid);
  if (!status.isDirectory()) return;
  const names = await readdir(path);
  for (let start = 0; start < names.length; start += atOnce) {
    await Promise.all(names.slice(start, start + atOnce).map((name) => giveTree(join(path, name), owner)));
  }
}

const atOnce = 64;
