import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** A backend that is not known or cannot be used on this machine. */
export class BackendError extends ClauderonError<"backend.unknown" | "backend.unavailable"> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & { readonly code?: "backend.unknown" | "backend.unavailable" },
  ) {
    super({ code: "backend.unavailable", ...options });
  }
}
