import { closeSync, fstatSync, openSync, read, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

import type { AuditRecord } from "./audit-entry.ts";
import { isWanted, readAuditLine, type AuditFilter } from "./read-audit-log.ts";

/** How a log is followed. */
export interface FollowOptions {
  readonly filter?: AuditFilter | undefined;
  /** Ends the iteration. */
  readonly signal: AbortSignal;
  /** Bytes of the file that were read already. Default: what it has when this is called. */
  readonly from?: number | undefined;
  /** Asked again after this long even when the system reports no change. Default 1000. */
  readonly pollMs?: number | undefined;
}

const defaultPollMs = 1000;
const chunkBytes = 64 * 1024;
const readAt = promisify(read);

/** The lines that are written from now on, over rotations, until the signal ends it. The log's directory must exist. */
export async function* followAuditLog(path: string, options: FollowOptions): AsyncGenerator<AuditRecord> {
  const { filter = {}, signal, pollMs = defaultPollMs } = options;
  // Synchronous: "from now on" begins with the first call, and the size is that of the file that is read, whatever takes its place meanwhile.
  let file = openLog(path);
  const size = file === undefined ? 0 : fstatSync(file).size;
  // A smaller file is another one: it is read from its beginning.
  let offset = options.from === undefined ? size : options.from > size ? 0 : options.from;
  const wakeUp = changesOf(dirname(path), { signal, pollMs });
  let rest = "";
  try {
    while (!signal.aborted) {
      const changed = wakeUp.next();
      // Asked before the last look at the old file: what was written to it until then is read.
      const hasNext = await isRotated(path, file);
      for (;;) {
        const text = file === undefined ? "" : await readFrom(file, offset);
        if (text === "") break;
        offset += text.length;
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const record = readAuditLine(line, path);
          if (record !== undefined && isWanted(record, filter)) yield record;
        }
      }
      if (hasNext) {
        if (file !== undefined) closeSync(file);
        file = openLog(path);
        offset = 0;
        rest = "";
      } else {
        await changed;
      }
    }
  } finally {
    wakeUp.close();
    if (file !== undefined) closeSync(file);
  }
}

/** A descriptor; `undefined` when there is no log yet. */
function openLog(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function readFrom(file: number, offset: number): Promise<string> {
  const { buffer, bytesRead } = await readAt(file, Buffer.alloc(chunkBytes), 0, chunkBytes, offset);
  return buffer.toString("latin1", 0, bytesRead);
}

/** Whether another file is in the log's place than the one that is read. */
async function isRotated(path: string, file: number | undefined): Promise<boolean> {
  const current = await stat(path).catch(() => undefined);
  if (current === undefined) return false;
  return file === undefined || fstatSync(file).ino !== current.ino;
}

interface Changes {
  /** Resolves at the next change, after the time between two looks, or at the end. Made before looking, it misses nothing. */
  next(): Promise<void>;
  close(): void;
}

function changesOf(
  directory: string,
  { signal, pollMs }: { readonly signal: AbortSignal; readonly pollMs: number },
): Changes {
  let wake: () => void = () => undefined;
  const watcher = watch(directory, () => wake());
  // A watcher that fails leaves the regular look.
  watcher.on("error", () => watcher.close());
  const timer = setInterval(() => wake(), pollMs);
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort);
  return {
    next: async () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
    close: () => {
      watcher.close();
      clearInterval(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
}
