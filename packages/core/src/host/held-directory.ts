import { constants } from "node:fs";
import { chown, type FileHandle, lstat, mkdir, open, readlink, stat } from "node:fs/promises";
import { posix } from "node:path";

import { confinedPath, refusedPath } from "./confined-path.ts";

/** Linux: names a directory without the right to list it. Same value on every architecture Node runs on. */
const O_PATH = 0o10000000;
const isLinux = process.platform === "linux";
const DIRECTORY_FLAGS = constants.O_DIRECTORY | (isLinux ? O_PATH : constants.O_RDONLY);
/** As many as Linux itself follows. */
export const mostSymlinks = 40;

/**
 * A directory held open. On Linux `path(name)` names the entry of *this* directory, whatever its name has become since or what was put in its
 * place; elsewhere each step is only checked before it is taken.
 */
export class HeldDirectory implements AsyncDisposable {
  /** Where the walk began; nothing above it is reached. */
  readonly root: string;
  /** The way here from the root; no symlink was in it when it was walked. */
  readonly names: readonly string[];
  readonly #handle: FileHandle;
  readonly #path: string;

  private constructor(handle: FileHandle, place: Pick<HeldDirectory, "root" | "names">) {
    this.#handle = handle;
    this.root = place.root;
    this.names = place.names;
    this.#path = isLinux ? `/proc/self/fd/${handle.fd}` : [place.root, ...place.names].join("/");
  }

  /** Opens the root, a trusted path; symlinks in it are followed. */
  static async open(root: string): Promise<HeldDirectory> {
    return new HeldDirectory(await open(root, DIRECTORY_FLAGS), { root, names: [] });
  }

  /** The entry's path, for one system call that does not follow symlinks; without a name the directory's own. */
  path(name?: string): string {
    return name === undefined ? `${this.#path}/.` : `${this.#path}/${name}`;
  }

  /** The directory of that name in this one; where the name is a symlink, its target instead. `mode`: makes it where it is missing. */
  async enter(name: string, mode?: number): Promise<HeldDirectory | string> {
    const path = this.path(name);
    const isMade = mode !== undefined && (await makeMissing(path, mode));
    try {
      if (!isLinux && (await lstat(path)).isSymbolicLink()) return await readlink(path);
      const handle = await open(path, DIRECTORY_FLAGS | constants.O_NOFOLLOW);
      const entered = new HeldDirectory(handle, { root: this.root, names: [...this.names, name] });
      const owner = isMade ? await this.otherOwner() : undefined;
      if (owner !== undefined) await chown(entered.path(), owner.uid, owner.gid);
      return entered;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code === "ELOOP" || code === "ENOTDIR") && (await lstat(path)).isSymbolicLink()) return await readlink(path);
      throw error;
    }
  }

  /** Like `enter`, but a symlink is refused. */
  async child(name: string, mode?: number): Promise<HeldDirectory> {
    const entered = await this.enter(name, mode);
    if (typeof entered === "string") throw refusedPath(name, "it is a symlink");
    return entered;
  }

  /** Whose the directory is, where this process is root and it is somebody else's: what root makes in it is to be theirs. Linux alone. */
  async otherOwner(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
    if (!isLinux || process.getuid?.() !== 0) return undefined;
    const { uid, gid } = await stat(this.path());
    return uid === 0 ? undefined : { uid, gid };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/** Whether it was missing. */
async function makeMissing(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

/** Opens the directory that the names lead to, one step at a time; a symlink is refused. `mode`: missing ones are made. */
export async function walkStrictly(root: string, names: readonly string[], mode?: number): Promise<HeldDirectory> {
  let current = await HeldDirectory.open(root);
  for (const name of names) {
    await using parent = current;
    current = await parent.child(name, mode);
  }
  return current;
}

/** Like `walkStrictly`, but symlinks are followed by hand as long as they stay below the root. */
export async function walkDirectories(root: string, names: readonly string[], mode?: number): Promise<HeldDirectory> {
  let current = await HeldDirectory.open(root);
  let pending = names;
  let symlinks = 0;
  for (;;) {
    const [name, ...rest] = pending;
    if (name === undefined) return current;
    await using parent = current;
    const entered = name === ".." ? ".." : await parent.enter(name, mode);
    if (typeof entered !== "string") {
      current = entered;
      pending = rest;
      continue;
    }
    symlinks += name === ".." ? 0 : 1;
    if (symlinks > mostSymlinks) throw refusedPath(names.join("/"), "it leads through too many symlinks");
    pending = [...followed(parent, entered), ...rest];
    current = await HeldDirectory.open(root);
  }
}

/** The names from the root to a symlink's target; `..` is left where it comes after a name, which may be a symlink itself. */
export function followed(from: Pick<HeldDirectory, "root" | "names">, target: string): readonly string[] {
  const { root, names: directory } = from;
  if (posix.isAbsolute(target)) return confinedPath(root, root, target);
  const steps = target.split("/").filter((step) => step !== "" && step !== ".");
  const firstName = steps.findIndex((step) => step !== "..");
  const climbs = firstName === -1 ? steps.length : firstName;
  if (climbs > directory.length) throw refusedPath([...directory, target].join("/"), `it leads out of ${root}`);
  return [...directory.slice(0, directory.length - climbs), ...steps.slice(climbs)];
}
