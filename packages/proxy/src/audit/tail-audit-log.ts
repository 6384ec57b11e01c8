import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { FileError } from "@clauderon/core/contract";

import type { AuditRecord } from "./audit-entry.ts";
import { closedFiles } from "./audit-file.ts";
import { followAuditLog } from "./follow-audit-log.ts";
import { isWanted, linesOf, readAuditLine, type AuditFilter } from "./read-audit-log.ts";

/** What of a log is wanted. */
export interface TailOptions {
  readonly filter?: AuditFilter | undefined;
  /** At most so many of the lines that are there. */
  readonly count: number;
  /** Goes on with what is written until the signal ends it. */
  readonly follow?: AbortSignal | undefined;
}

/** The latest lines of a log, oldest first, and those that follow: each once. Reads no more files than it needs. */
export async function* tailAuditLog(path: string, options: TailOptions): AsyncGenerator<AuditRecord> {
  const { filter = {}, count, follow } = options;
  if (!existsSync(dirname(path))) {
    if (follow === undefined) return;
    throw new FileError({
      code: "file.not-found",
      message: "There is no place yet where the proxy's log is written",
      why: `${dirname(path)} does not exist`,
      fix: [`mkdir -p ${dirname(path)}`],
      context: { path },
    });
  }
  const from = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const latest = await latestOf(path, { filter, count, bytes: from });
  const newestFirst = [latest];
  let missing = count - latest.length;
  for (const file of closedFiles(path).toReversed()) {
    if (missing <= 0) break;
    const older = await latestOf(file.path, { filter, count: missing });
    newestFirst.push(older);
    missing -= older.length;
  }
  yield* newestFirst.toReversed().flat();
  if (follow !== undefined) yield* followAuditLog(path, { filter, from, signal: follow });
}

async function latestOf(
  path: string,
  { filter, count, bytes }: { readonly filter: AuditFilter; readonly count: number; readonly bytes?: number },
): Promise<readonly AuditRecord[]> {
  let kept: AuditRecord[] = [];
  for await (const line of linesOf(path, bytes)) {
    const record = readAuditLine(line, path);
    if (record === undefined || !isWanted(record, filter)) continue;
    kept.push(record);
    // Cut now and then: once for every line would move all of them each time.
    if (kept.length >= 2 * count + 1000) kept = kept.slice(-count);
  }
  return count === 0 ? [] : kept.slice(-count);
}
