import { createHash, randomUUID } from "node:crypto";
import { link, lstat, open, readFile, readlink, rename, rm, symlink, unlink } from "node:fs/promises";

import { copyTree } from "./copy-tree.ts";

/** `absent`, `directory`, `other`, or what a file or symbolic link is and holds. */
export async function faceOf(path: string | Buffer): Promise<string> {
  try {
    const status = await lstat(path);
    if (status.isDirectory()) return "directory";
    if (status.isSymbolicLink()) return `link ${digest(await readlink(path, { encoding: "buffer" }))}`;
    if (!status.isFile()) return "other";
    return `${(status.mode & 0o100) === 0 ? "file" : "program"} ${digest(await readFile(path))}`;
  } catch (error) {
    if (isOneOf(error, "ENOENT", "ENOTDIR")) return "absent";
    throw error;
  }
}

/** A second name, then the first one goes: a rename would overwrite. */
export async function placeFile(from: string | Buffer, to: string | Buffer): Promise<void> {
  // On Linux a link has a second name as a file has; elsewhere the name would be of what it leads to.
  if (process.platform !== "linux" && (await lstat(from)).isSymbolicLink()) {
    await symlink(await readlink(from, { encoding: "buffer" }), to);
  } else {
    try {
      await link(from, to);
    } catch (error) {
      if (!isOneOf(error, "EXDEV", "EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK")) throw error;
      await copyBeside(from, to);
    }
  }
  await unlink(from);
}

/** On another file system, or one without hard links. */
async function copyBeside(from: string | Buffer, to: string | Buffer): Promise<void> {
  const beside = Buffer.concat([Buffer.from(to), Buffer.from(`.clauderon-${randomUUID()}`)]);
  try {
    await copyTree(from, beside);
    try {
      await link(beside, to);
    } catch (error) {
      if (!isOneOf(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK")) throw error;
      if ((await faceOf(to)) !== "absent") throw Object.assign(new Error("EEXIST: a file exists"), { code: "EEXIST" });
      await rename(beside, to);
      return;
    }
    await unlink(beside);
  } catch (error) {
    await unlink(beside).catch((failure: unknown) => {
      if (!isOneOf(failure, "ENOENT")) throw failure;
    });
    throw error;
  }
}

/** Complete and on the disk under another name first: whoever sees the file sees its text. */
export async function claimFile(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.clauderon`;
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (isOneOf(error, "EEXIST")) return false;
    throw error;
  } finally {
    await unlink(temporary);
  }
}

function digest(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

function isOneOf(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
