import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, readFile, rm, rmdir, unlink } from "node:fs/promises";

import { WorkspaceError } from "@clauderon/core/contract";

const TRIES = 20;
const AT_ONCE = 32;
const SLASH = Buffer.from("/");

/**
 * Removes a file, a link, or a directory with all that is in it. On Linux each directory is held open while it is emptied, so that one which somebody
 * replaces by a symbolic link meanwhile leads nowhere, and what is mounted inside stays; elsewhere it is Node's own removal.
 */
export async function removeTree(path: string | Buffer): Promise<void> {
  if (process.platform !== "linux")
    return rm(path, { recursive: true, force: true, maxRetries: TRIES, retryDelay: 25 });
  await removeEntry(Buffer.from(path), undefined);
}

/** What is mounted where the removal began. */
type Mount = string;

async function removeEntry(path: Buffer, mount: Mount | undefined): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const status = await lstat(path);
      if (!status.isDirectory()) return await unlink(path);
      await emptyDirectory(path, mount);
      return await rmdir(path);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "ENOENT") return;
      // Somebody has put something else in its place, or something more into it.
      if (attempt === TRIES || !["ENOTDIR", "EISDIR", "ELOOP", "ENOTEMPTY", "EEXIST"].includes(String(code)))
        throw error;
    }
  }
}

async function emptyDirectory(path: Buffer, mount: Mount | undefined): Promise<void> {
  await using directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const place = await mountOf(directory);
  if (mount !== undefined && place !== mount) throw mounted(path);
  const held = Buffer.from(`/proc/self/fd/${String(directory.fd)}`);
  const entries = await readdir(held, { encoding: "buffer", withFileTypes: true });
  const childOf = (name: Buffer): Buffer => Buffer.concat([held, SLASH, name]);
  const files = entries.filter((entry) => !entry.isDirectory());
  for (let at = 0; at < files.length; at += AT_ONCE)
    await Promise.all(files.slice(at, at + AT_ONCE).map(({ name }) => removeEntry(childOf(name), place)));
  for (const entry of entries) if (entry.isDirectory()) await removeEntry(childOf(entry.name), place);
}

/** By number: a directory may be mounted on one of the same file system. */
async function mountOf(directory: FileHandle): Promise<Mount> {
  const information = await readFile(`/proc/self/fdinfo/${String(directory.fd)}`, "utf8");
  return /^mnt_id:\s*(\d+)$/mu.exec(information)?.[1] ?? "";
}

function mounted(path: Buffer): WorkspaceError {
  const shown = JSON.stringify(path.subarray(path.lastIndexOf(SLASH) + 1).toString());
  return new WorkspaceError({
    message: `The directory ${shown} of the workspace is a mount of something else, and stays`,
    why: "removing a workspace never removes what is mounted into it",
    fix: ["see where it is: findmnt", "unmount it, and try again"],
  });
}
