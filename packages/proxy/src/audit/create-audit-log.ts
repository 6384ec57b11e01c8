import { StoreError, type Clock, type Logger } from "@clauderon/core/contract";
import { systemClock } from "@clauderon/core/host";

import type { AuditEntry } from "./audit-entry.ts";
import { openAuditFile, systemAuditWriter, type AuditFile, type AuditWriter } from "./audit-file.ts";
import { auditLine } from "./audit-line.ts";

/** How a log is kept. */
export interface AuditLogSettings {
  /** `~/.clauderon/audit.jsonl`. */
  readonly path: string;
  /** A file is closed before it grows beyond this. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Closed files that are kept. Default 30. */
  readonly keepFiles?: number | undefined;
  /**
   * Lines that nobody flushes are written after this long, and a log that was moved or removed is begun anew. Default 50; 0 writes each line at once, and looks each
   * time.
   */
  readonly flushMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
  readonly writer?: AuditWriter | undefined;
}

/** The record of what the proxy decided. */
export interface AuditLog {
  /**
   * Takes one line, which is written with the next flush. Throws `store.full` or `store.failed` while lines cannot be written: the caller then refuses the request, the
   * line is not taken, and one line tells how many were not as soon as it can be written. What tells how something ended (`isEnd`) is taken in any case.
   */
  write(entry: AuditEntry, about?: { readonly isEnd?: boolean | undefined }): void;
  /** False while lines cannot be written; asking tries again. */
  readonly healthy: boolean;
  /** Writes what is waiting; throws like `write`. The system has it then: it outlives the process, not a loss of power. */
  flush(): void;
  /** Writes what is waiting and closes the file; throws like `write`, and what is still waiting is lost. */
  close(): void;
}

const defaultMaxBytes = 64 * 1024 * 1024;
const defaultKeepFiles = 30;
const defaultFlushMs = 50;
/** Lines; they are made when they are written, many at a time. */
const pendingLimit = 200;

/** While lines cannot be written it is tried again after this long also when nobody asks. */
const retryMs = 1000;

interface PendingLine {
  readonly entry: AuditEntry;
  readonly time: Date;
}

interface Gap {
  readonly time: Date;
  readonly sinceMs: number;
  /** Of the lines before it. */
  readonly place: number;
  missing: number;
}

/**
 * Opens the log at its first line. Lines that were taken are kept in memory until the disk has them, in their order. A full disk stops new requests, whose lines are
 * then counted; how those ended that had begun is kept, so that no line says what was not so.
 */
export function createAuditLog(settings: AuditLogSettings): AuditLog {
  const clock = settings.clock ?? systemClock;
  const flushMs = settings.flushMs ?? defaultFlushMs;
  let file: AuditFile | undefined;
  let pending: PendingLine[] = [];
  let gap: Gap | undefined;
  let failure: StoreError | undefined;
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    if (pending.length === 0 && gap === undefined) return;
    const all = gap === undefined ? pending : pending.toSpliced(gap.place, 0, gapLine(gap, clock));
    let lines = "";
    for (const { entry, time } of all) lines += auditLine(entry, time);
    try {
      file ??= openAuditFile({
        path: settings.path,
        maxBytes: settings.maxBytes ?? defaultMaxBytes,
        keepFiles: settings.keepFiles ?? defaultKeepFiles,
        checkMs: flushMs,
        writer: settings.writer ?? systemAuditWriter,
      });
      file.append(Buffer.from(lines, "latin1"), clock.now());
      pending = [];
      gap = undefined;
      failure = undefined;
    } catch (error) {
      failure = auditFailure(settings.path, error);
      flushAfter(retryMs);
      throw failure;
    }
  };
  const isHealthy = (): boolean => {
    if (failure === undefined) return true;
    try {
      flush();
      return true;
    } catch {
      // `failure` has it.
      return false;
    }
  };
  const flushLater = (): void => {
    timer = undefined;
    const isKnown = failure !== undefined;
    try {
      flush();
    } catch (error) {
      if (!isKnown) settings.logger?.error({ error }, "audit log not written; requests are refused until it is");
    }
  };
  const flushAfter = (ms: number): void => {
    timer ??= setTimeout(flushLater, ms).unref();
  };
  const isDue = (): boolean => flushMs === 0 || pending.length >= pendingLimit;
  const miss = (error: unknown): never => {
    gap ??= { time: clock.now(), sinceMs: clock.monotonicMs(), place: pending.length, missing: 0 };
    gap.missing += 1;
    throw error;
  };
  const begin = (line: PendingLine): void => {
    if (!isHealthy()) miss(failure);
    pending.push(line);
    if (!isDue()) {
      flushAfter(flushMs);
      return;
    }
    try {
      flush();
    } catch (error) {
      pending.pop();
      miss(error);
    }
  };
  const end = (line: PendingLine): void => {
    pending.push(line);
    if (failure !== undefined) return;
    if (isDue()) flushLater();
    else flushAfter(flushMs);
  };
  return {
    flush,
    get healthy(): boolean {
      return isHealthy();
    },
    write: (entry, { isEnd = false } = {}) => (isEnd ? end : begin)({ entry, time: clock.now() }),
    close: () => {
      clearTimeout(timer);
      try {
        flush();
      } finally {
        clearTimeout(timer);
        file?.close();
        file = undefined;
      }
    },
  };
}

/** What is known of lines that were not written. */
function gapLine({ time, sinceMs, missing }: Gap, clock: Clock): PendingLine {
  return {
    time,
    entry: {
      kind: "gap",
      decision: "blocked",
      reason: "audit-unavailable",
      status: 503,
      durationMs: clock.monotonicMs() - sinceMs,
      missing,
      correlationId: "",
      host: "",
      port: 0,
      method: "",
    },
  };
}

function auditFailure(path: string, error: unknown): StoreError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new StoreError({
    code: isFull ? "store.full" : "store.failed",
    message: isFull ? "The disk of the proxy's audit log is full" : "The proxy's audit log cannot be written",
    why: error instanceof Error ? error.message : String(error),
    fix: [
      isFull ? `free space for ${path}` : `make it writable: ls -la ${path}`,
      "or set audit_enabled = false in proxy.toml",
    ],
    context: { path },
    cause: error,
  });
}
