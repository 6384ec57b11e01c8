import { randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, linkSync, openSync, readSync, rmSync, writeSync } from "node:fs";

import { isErrorCode } from "./host-error-code.ts";
import { userId } from "./host-paths.ts";
import { HostError } from "./host-protocol.ts";

const keyBytes = 32;

/** The secret that both ends of the socket must know; made when it is missing, by exactly one of several at once. */
export function ensureHostKey(path: string): Buffer {
  const existing = readHostKey(path);
  if (existing !== undefined) return existing;
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString("hex")}`;
  const file = openSync(
    temporary,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    writeSync(file, randomBytes(keyBytes));
    linkSync(temporary, path);
  } catch (error) {
    if (!isErrorCode(error, "EEXIST")) throw error;
  } finally {
    closeSync(file);
    rmSync(temporary, { force: true });
  }
  const key = readHostKey(path);
  if (key === undefined) throw refusal(path, "it disappeared");
  return key;
}

/** `undefined` when there is none. A symlink, another user's file, or one that others may read is refused. */
export function readHostKey(path: string): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return undefined;
    if (isErrorCode(error, "ELOOP")) throw refusal(path, "it is a symbolic link");
    throw error;
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile() || status.uid !== userId()) throw refusal(path, "it is not a file of this user");
    if ((status.mode & 0o077) !== 0) throw refusal(path, "other users may read it");
    const key = Buffer.alloc(keyBytes);
    if (status.size !== keyBytes || readSync(file, key, 0, keyBytes, 0) !== keyBytes)
      throw refusal(path, "it is damaged");
    return key;
  } finally {
    closeSync(file);
  }
}

function refusal(path: string, why: string): HostError {
  return new HostError(
    "path.refused",
    `The key file ${path} is refused: ${why}`,
    `remove it when no session runs: rm ${path}`,
  );
}
