import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** What reading a secret came to. A refusal says why in words that hold nothing of the value. */
export type SecretReading =
  | { readonly kind: "value"; readonly value: string }
  | { readonly kind: "missing" }
  | { readonly kind: "refused"; readonly why: string; readonly fix: string };

const longestSecret = 16_384;
const othersMayRead = 0o077;

/** The bytes of a private file, or why they are not read. */
export type PrivateFile =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | Exclude<SecretReading, { readonly kind: "value" }>;

/** Reads one secret's file: one line of text, private to this user. */
export function readSecretFile(path: string): SecretReading {
  const file = readPrivateFile(path, longestSecret + 3);
  return file.kind === "bytes" ? checkSecretValue(file.bytes, path) : file;
}

/**
 * Reads a regular file of this user that nobody else may read, never through a link. Synchronous, so that a decision sees one state; the file is small and
 * local. What is beyond the limit is not read.
 */
export function readPrivateFile(path: string, limitBytes: number): PrivateFile {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "missing" };
    if (code === "ELOOP") return refused(`${path} is a link`, `put the file itself there: rm ${path}`);
    return refused(`${path} cannot be opened (${code ?? "unknown"})`, `chmod 600 ${path}`);
  }
  try {
    return readOpened(descriptor, path, limitBytes);
  } catch (error) {
    return refused(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`, `ls -la ${path}`);
  } finally {
    closeSync(descriptor);
  }
}

/** Checks a value and takes off the newline that editors and `echo` put at its end. */
export function checkSecretValue(bytes: Uint8Array, place: string): SecretReading {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString("latin1")
    .replace(/(?:\r?\n)+$/, "");
  const store = "store it again, as one line of text";
  if (text.length === 0) return refused(`${place} is empty`, store);
  if (text.length > longestSecret) return refused(`${place} is longer than ${longestSecret} bytes`, store);
  if (/[\r\n]/.test(text)) return refused(`${place} has more than one line`, store);
  if (!/^[\u0020-\u007e]+$/.test(text)) return refused(`${place} is not plain text`, store);
  if (text.trim() !== text) return refused(`${place} begins or ends with a space`, store);
  return { kind: "value", value: text };
}

function readOpened(descriptor: number, path: string, limitBytes: number): PrivateFile {
  const status = fstatSync(descriptor);
  if (!status.isFile()) return refused(`${path} is not a file`, `remove it: ls -la ${path}`);
  const user = process.getuid?.();
  if (user !== undefined && status.uid !== user)
    return refused(`${path} belongs to another user`, `chown "$USER" ${path}`);
  if ((status.mode & othersMayRead) !== 0) return refused(`${path} is open to other users`, `chmod 600 ${path}`);
  const buffer = Buffer.alloc(limitBytes);
  let length = 0;
  for (let count = -1; count !== 0 && length < buffer.length; length += count) {
    count = readSync(descriptor, buffer, length, buffer.length - length, null);
  }
  return { kind: "bytes", bytes: buffer.subarray(0, length) };
}

interface RefusedReading {
  readonly kind: "refused";
  readonly why: string;
  readonly fix: string;
}

function refused(why: string, fix: string): RefusedReading {
  return { kind: "refused", why, fix };
}
