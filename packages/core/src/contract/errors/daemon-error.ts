import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** A daemon that cannot be reached, or cannot start. */
export class DaemonError extends ClauderonError<
  "daemon.unreachable" | "daemon.already-running" | "daemon.port-taken" | "daemon.version-mismatch"
> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & {
      readonly code?: "daemon.unreachable" | "daemon.already-running" | "daemon.port-taken" | "daemon.version-mismatch";
    },
  ) {
    super({ code: "daemon.unreachable", ...options });
  }
}
