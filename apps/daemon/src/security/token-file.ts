import { randomBytes, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

import { FileError, type Logger } from "@clauderon/core/contract";

const TOKEN_BYTES = 32;
const PRIVATE_MODE = 0o600;
const tokenPattern = /^[\w-]{43}$/;

/**
 * The token of a home: read from `<home>/token`, or made there. A file that others could have read is replaced by a new token; one that is
 * no plain file of this user's own is refused.
 */
export async function readOrCreateToken(homeDirectory: string, logger: Logger): Promise<string> {
  const path = join(homeDirectory, "token");
  const known = await readToken(path);
  if (known?.isPrivate === true && tokenPattern.test(known.text)) return known.text;
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  if (known === undefined) {
    await writeNew(path, token);
    return token;
  }
  logger.warn(
    { path },
    known.isPrivate
      ? "the token file held no token; a new one was made"
      : "the token file could be read by others; a new token was made",
  );
  const fresh = `${path}.${randomUUID()}`;
  await writeNew(fresh, token);
  try {
    await rename(fresh, path);
  } catch (error) {
    await unlink(fresh);
    throw error;
  }
  return token;
}

async function readToken(path: string): Promise<{ readonly text: string; readonly isPrivate: boolean } | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP" || code === "EMLINK") throw refusedToken(path, "it is a symbolic link", error);
    throw refusedToken(path, error instanceof Error ? error.message : String(error), error);
  }
  try {
    const status = await file.stat();
    if (!status.isFile()) throw refusedToken(path, "it is no regular file");
    if (status.uid !== process.getuid?.()) throw refusedToken(path, `it belongs to user ${status.uid}`);
    if (status.nlink !== 1) throw refusedToken(path, "it has another name too (a hard link)");
    const text = status.size > 1024 ? "" : (await file.readFile("utf8")).trim();
    return { text, isPrivate: (status.mode & 0o077) === 0 };
  } finally {
    await file.close();
  }
}

async function writeNew(path: string, token: string): Promise<void> {
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
  const file = await open(path, flags, PRIVATE_MODE);
  try {
    await file.writeFile(`${token}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

function refusedToken(path: string, why: string, cause?: unknown): FileError {
  return new FileError({
    code: "path.refused",
    message: `The token file ${path} cannot be used`,
    why,
    fix: [`look at it, then remove it: rm ${path}`, "the daemon makes a new one when it starts"],
    context: { path },
    cause,
  });
}
