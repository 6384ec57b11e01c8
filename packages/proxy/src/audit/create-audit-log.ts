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
  /** Takes one line, which is written with the next flush. Throws `store.full` or `store.failed` while lines cannot be written: the caller then refuses the request. */
  write(entry: AuditEntry): void;
  /** False while lines cannot be written; asking tries again. */
  readonly healthy: boolean;
  /** Writes what is waiting; throws like `write`. The system has it then: it outlives the process, not a loss of power. */
  flush(): void;
  /** Writes what is waiting and closes the file. */
  close(): void;
}

const defaultMaxBytes = 64 * 1024 * 1024;
const defaultKeepFiles = 30;
const defaultFlushMs = 50;
/** Lines; they are made when they are written, many at a time. */
const pendingLimit = 200;

interface PendingLine {
  readonly entry: AuditEntry;
  readonly time: Date;
}

/** Opens the log at its first line. Lines that were taken are kept in memory until the disk has them, so a full disk leaves no gap: it stops new requests. */
export function createAuditLog(settings: AuditLogSettings): AuditLog {
  const clock = settings.clock ?? systemClock;
  const flushMs = settings.flushMs ?? defaultFlushMs;
  let file: AuditFile | undefined;
  let pending: PendingLine[] = [];
  let failure: StoreError | undefined;
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    if (pending.length === 0) return;
    let lines = "";
    for (const { entry, time } of pending) lines += auditLine(entry, time);
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
      failure = undefined;
    } catch (error) {
      failure = auditFailure(settings.path, error);
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
    try {
      flush();
    } catch (error) {
      settings.logger?.error({ error }, "audit log not written; requests are refused until it is");
    }
  };
  return {
    flush,
    get healthy(): boolean {
      return isHealthy();
    },
    write: (entry) => {
      if (!isHealthy() && failure !== undefined) throw failure;
      pending.push({ entry, time: clock.now() });
      if (flushMs === 0 || pending.length >= pendingLimit) flush();
      else timer ??= setTimeout(flushLater, flushMs).unref();
    },
    close: () => {
      clearTimeout(timer);
      try {
        flush();
      } finally {
        file?.close();
        file = undefined;
      }
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
