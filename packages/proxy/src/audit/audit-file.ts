import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

import { FileError } from "@clauderon/core/contract";

/** The file calls that can fail on a full disk; replaceable in tests. */
export interface AuditWriter {
  write(descriptor: number, bytes: Uint8Array): number;
}

export const systemAuditWriter: AuditWriter = { write: (descriptor, bytes) => writeSync(descriptor, bytes) };

/** How a log is cut into files. */
export interface AuditFileSettings {
  readonly path: string;
  readonly maxBytes: number;
  /** Closed files that are kept, newest first. */
  readonly keepFiles: number;
  /** Whether the file is still in its place is looked at no more often than this. */
  readonly checkMs: number;
  readonly writer: AuditWriter;
}

/** An open log: whole lines are appended to it, or none. */
export interface AuditFile {
  append(lines: Uint8Array, time: Date): void;
  close(): void;
}

/** Opens a log for appending, private to this user, never through a link. A half line that a crash left is ended, so that the next one stands alone. */
export function openAuditFile(settings: AuditFileSettings): AuditFile {
  mkdirSync(dirname(settings.path), { recursive: true, mode: 0o700 });
  let file = open(settings.path);
  let checkedMs = Number.NEGATIVE_INFINITY;
  /** A file that was moved away takes lines for a moment longer; asking each time would cost more than writing. */
  const isInPlace = (): boolean => {
    const nowMs = performance.now();
    if (nowMs - checkedMs < settings.checkMs) return true;
    checkedMs = nowMs;
    return statSync(settings.path, { throwIfNoEntry: false })?.ino === file.inode;
  };
  return {
    close: () => closeSync(file.descriptor),
    append: (bytes, time) => {
      const day = dayOf(time);
      const isDone = file.size > 0 && (file.day !== day || file.size + bytes.length > settings.maxBytes);
      if (isDone) checkedMs = Number.NEGATIVE_INFINITY;
      const isKept = isInPlace();
      if (isDone && isKept) rotate(settings, file.day);
      if (isDone || !isKept) {
        // Opened before the old one is closed: a failure leaves a file that can be written.
        const next = open(settings.path);
        closeSync(file.descriptor);
        file = next;
      }
      file = { ...file, day, size: file.size + writeAll(settings, file, bytes) };
    },
  };
}

interface OpenFile {
  readonly descriptor: number;
  readonly inode: number;
  readonly size: number;
  /** UTC day of the file's lines. */
  readonly day: string;
}

function open(path: string): OpenFile {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  const descriptor = openSync(path, flags, 0o600);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new FileError({ message: `${path} is not a file`, fix: [`remove it: ls -la ${path}`] });
    fchmodSync(descriptor, 0o600);
    const last = Buffer.alloc(1);
    const isTorn = status.size > 0 && readSync(descriptor, last, 0, 1, status.size - 1) === 1 && last[0] !== 0x0a;
    const size = status.size + (isTorn ? writeSync(descriptor, "\n") : 0);
    return { descriptor, inode: status.ino, size, day: dayOf(status.size > 0 ? status.mtime : new Date(0)) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Writes everything, or takes back what was written and throws: no half lines. */
function writeAll({ path, writer }: AuditFileSettings, file: OpenFile, bytes: Uint8Array): number {
  let written = 0;
  try {
    while (written < bytes.length) {
      const count = writer.write(file.descriptor, written === 0 ? bytes : bytes.subarray(written));
      if (count === 0) throw new FileError({ message: `${path} takes no more bytes`, fix: ["free space on its disk"] });
      written += count;
    }
    return written;
  } catch (error) {
    if (written > 0) ftruncateSync(file.descriptor, file.size);
    throw error;
  }
}

/** `audit.jsonl` becomes `audit.2026-11-21.3.jsonl`; numbers grow within a day. */
function rotate(settings: AuditFileSettings, day: string): void {
  const closed = closedFiles(settings.path);
  const today = closed.filter((file) => file.day === day).map(({ number }) => number);
  const number = Math.max(0, ...today) + 1;
  const [stem, extension] = nameParts(settings.path);
  renameSync(settings.path, join(dirname(settings.path), `${stem}.${day}.${number}${extension}`));
  for (const { path } of closed.slice(0, Math.max(0, closed.length + 1 - settings.keepFiles)))
    rmSync(path, { force: true });
}

/** The closed files of a log, oldest first. */
export function closedFiles(
  path: string,
): readonly { readonly path: string; readonly day: string; readonly number: number }[] {
  const [stem, extension] = nameParts(path);
  return readdirSync(dirname(path))
    .flatMap((name) => {
      if (!name.startsWith(`${stem}.`) || !name.endsWith(extension)) return [];
      const match = /^\.(\d{4}-\d\d-\d\d)\.(\d+)$/.exec(name.slice(stem.length, name.length - extension.length));
      return match === null ? [] : [{ path: join(dirname(path), name), day: match[1] ?? "", number: Number(match[2]) }];
    })
    .sort((a, b) => a.day.localeCompare(b.day) || a.number - b.number);
}

function nameParts(path: string): readonly [stem: string, extension: string] {
  const name = basename(path);
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot)];
}

const dayMs = 24 * 60 * 60 * 1000;
let dayNumber = Number.NaN;
let dayText = "";

/** UTC. Asked for at each writing. */
function dayOf(time: Date): string {
  const number = Math.floor(time.getTime() / dayMs);
  if (number === dayNumber) return dayText;
  dayText = time.toISOString().slice(0, 10);
  dayNumber = number;
  return dayText;
}
