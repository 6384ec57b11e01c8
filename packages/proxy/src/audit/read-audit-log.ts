import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

import { parseJson } from "@clauderon/core/host";
import { z } from "zod";

import type { AuditRecord } from "./audit-entry.ts";
import { closedFiles } from "./audit-file.ts";

/** Which lines are wanted. */
export interface AuditFilter {
  /** Name or id of a session; gaps, in which any session's lines may be missing, are always among its lines. */
  readonly session?: string | undefined;
  /** Only what was blocked or failed. */
  readonly isBlocked?: boolean | undefined;
}

const record = z.looseObject({ timestamp: z.string(), decision: z.enum(["allowed", "injected", "blocked", "failed"]) });

/** Every line of the log, oldest first, over its closed files. A line that is no record (a crash tore it) is left out. */
export async function* readAuditLog(path: string, filter: AuditFilter = {}): AsyncGenerator<AuditRecord> {
  const files = [...closedFiles(path).map((file) => file.path), path];
  for (const file of files) {
    for await (const line of linesOf(file)) {
      const entry = readAuditLine(line, file);
      if (entry !== undefined && isWanted(entry, filter)) yield entry;
    }
  }
}

/** The lines of one file, up to a number of bytes. */
export async function* linesOf(path: string, bytes: number = Number.POSITIVE_INFINITY): AsyncGenerator<string> {
  if (bytes === 0) return;
  const input = createReadStream(path, { encoding: "latin1", end: bytes - 1 });
  try {
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    // Rotated away since it was listed, or no line yet.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  } finally {
    input.destroy();
  }
}

/** A line of the log as its record; `undefined` for what is none. */
export function readAuditLine(line: string, path: string): AuditRecord | undefined {
  try {
    return record.parse(parseJson(line, path)) as unknown as AuditRecord;
  } catch {
    // Torn by a crash.
    return undefined;
  }
}

/** Whether the filter lets the record through. */
export function isWanted(entry: AuditRecord, filter: AuditFilter): boolean {
  const { session } = filter;
  const isSession =
    session === undefined || entry.session_id === session || entry.session_name === session || entry.kind === "gap";
  return isSession && (filter.isBlocked !== true || entry.decision === "blocked" || entry.decision === "failed");
}
