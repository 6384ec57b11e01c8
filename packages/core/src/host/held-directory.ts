import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open } from "node:fs/promises";

import { refusedPath } from "./confined-path.ts";

/** Linux: names a directory without the right to list it. Same value on every architecture Node runs on. */
const O_PATH = 0o10000000;
const isLinux = process.platform === "linux";
const DIRECTORY_FLAGS = constants.O_DIRECTORY | (isLinux ? O_PATH : constants.O_RDONLY);

/**
 * A directory held open. On Linux `path(name)` names the entry of *this* directory, whatever its name has become since or what was put in its
 * place; elsewhere each step is only checked before it is taken.
 */
export class HeldDirectory implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #path: string;

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.#path = isLinux ? `/proc/self/fd/${handle.fd}` : path;
  }

  /** Opens a trusted path; symlinks in it are followed. */
  static async open(path: string): Promise<HeldDirectory> {
    return new HeldDirectory(await open(path, DIRECTORY_FLAGS), path);
  }

  /** The entry's path, for one system call that does not follow symlinks; without a name the directory's own. */
  path(name?: string): string {
    return name === undefined ? `${this.#path}/.` : `${this.#path}/${name}`;
  }

  /** Opens the directory of that name in this one. A symlink is refused. `mode`: makes it where it is missing. */
  async child(name: string, mode?: number): Promise<HeldDirectory> {
    const path = this.path(name);
    if (mode !== undefined) await makeMissing(path, mode);
    try {
      if (!isLinux) await refuseSymlink(path, name);
      return new HeldDirectory(await open(path, DIRECTORY_FLAGS | constants.O_NOFOLLOW), path);
    } catch (error) {
      if (["ELOOP", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) await refuseSymlink(path, name);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

async function makeMissing(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

async function refuseSymlink(path: string, name: string): Promise<void> {
  if ((await lstat(path)).isSymbolicLink()) throw refusedPath(name, "it is a symlink");
}

/** Opens the directory that the names lead to, one step at a time. `mode`: missing ones are made. */
export async function walkDirectories(root: string, names: readonly string[], mode?: number): Promise<HeldDirectory> {
  let current = await HeldDirectory.open(root);
  for (const name of names) {
    await using parent = current;
    current = await parent.child(name, mode);
  }
  return current;
}
