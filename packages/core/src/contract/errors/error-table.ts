import type { ErrorCode } from "./error-code.ts";

/** What the outside sees of a code. */
export interface ErrorTableRow {
  /** HTTP status of the problem body (RFC 9457). */
  readonly httpStatus: number;
  /** Exit code of the command line. */
  readonly exitCode: number;
  /** Whether the same call may succeed later without any change by the caller. */
  readonly isRetryable: boolean;
}

const row = (httpStatus: number, exitCode: number, isRetryable = false): ErrorTableRow => ({
  httpStatus,
  exitCode,
  isRetryable,
});

/** One row per code: HTTP status, exit code (reference: the table in `clauderon help exit-codes`), retryable. */
export const errorTable: Readonly<Record<ErrorCode, ErrorTableRow>> = {
  "usage.invalid": row(400, 2),
  "usage.needs-input": row(400, 2),
  "settings.invalid": row(400, 1),
  "settings.unreadable": row(500, 1),
  "session.not-found": row(404, 3),
  "session.name-taken": row(409, 7),
  "session.wrong-state": row(409, 7),
  "session.work-at-risk": row(409, 7),
  "session.ignored-over-limit": row(409, 7),
  "sandbox.not-found": row(404, 3),
  "sandbox.not-running": row(409, 7),
  "sandbox.start-failed": row(500, 1),
  "sandbox.name-taken": row(409, 7),
  "backend.unknown": row(400, 2),
  "backend.unavailable": row(503, 6, true),
  "capability.unsupported": row(422, 2),
  "agent.unknown": row(400, 2),
  "agent.not-found": row(422, 1),
  "agent.ended": row(409, 1),
  "repository.not-found": row(422, 1),
  "repository.empty": row(422, 1),
  "repository.failed": row(500, 1),
  "workspace.base-not-found": row(422, 1),
  "workspace.branch-in-use": row(409, 7),
  "workspace.branch-exists": row(409, 7),
  "workspace.missing": row(409, 1),
  "workspace.include-refused": row(422, 1),
  "workspace.setup-failed": row(422, 1),
  "workspace.sync-failed": row(500, 1),
  "workspace.exists": row(409, 7),
  "checkpoint.not-found": row(404, 3),
  "checkpoint.damaged": row(409, 1),
  "checkpoint.refused": row(409, 7),
  "merge.conflict": row(409, 7),
  "merge.refused": row(409, 7),
  "undo.not-found": row(404, 3),
  "undo.damaged": row(409, 1),
  "path.refused": row(403, 1),
  "file.not-found": row(404, 1),
  "file.failed": row(500, 1),
  "command.failed": row(500, 1),
  "command.not-found": row(422, 127),
  "operation.timeout": row(504, 8, true),
  "operation.aborted": row(499, 130),
  "operation.interrupted": row(503, 1, true),
  "daemon.unreachable": row(503, 5, true),
  "daemon.already-running": row(409, 7),
  "daemon.port-taken": row(409, 7),
  "daemon.version-mismatch": row(409, 5),
  "authentication.required": row(401, 4),
  "request.refused": row(403, 4),
  "request.too-large": row(413, 2),
  "store.newer-schema": row(500, 1),
  "store.corrupt": row(500, 1),
  "store.full": row(507, 1, true),
  "store.failed": row(500, 1),
  internal: row(500, 1),
};
