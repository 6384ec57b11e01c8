import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** An argument, option or name that cannot be meant. */
export class UsageError extends ClauderonError<"usage.invalid" | "usage.needs-input"> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & { readonly code?: "usage.invalid" | "usage.needs-input" },
  ) {
    super({ code: "usage.invalid", ...options });
  }
}
