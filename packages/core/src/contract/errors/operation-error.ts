import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** Waiting that ended early: a deadline, the caller, or a restart of the daemon. */
export class OperationError extends ClauderonError<
  "operation.timeout" | "operation.aborted" | "operation.interrupted"
> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & {
      readonly code?: "operation.timeout" | "operation.aborted" | "operation.interrupted";
    },
  ) {
    super({ code: "operation.interrupted", ...options });
  }
}
