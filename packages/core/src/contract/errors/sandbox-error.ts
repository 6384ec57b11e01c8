import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** A sandbox that is gone, stopped, did not start, or whose name belongs to somebody else. */
export class SandboxError extends ClauderonError<
  "sandbox.not-found" | "sandbox.not-running" | "sandbox.start-failed" | "sandbox.name-taken"
> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & {
      readonly code?: "sandbox.not-found" | "sandbox.not-running" | "sandbox.start-failed" | "sandbox.name-taken";
    },
  ) {
    super({ code: "sandbox.start-failed", ...options });
  }
}
