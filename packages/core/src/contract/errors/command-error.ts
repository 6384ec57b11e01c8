import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** A program that clauderon ran ended badly or does not exist. */
export class CommandError extends ClauderonError<"command.failed" | "command.not-found"> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & { readonly code?: "command.failed" | "command.not-found" },
  ) {
    super({ code: "command.failed", ...options });
  }
}
