import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** A request that the daemon does not accept. */
export class RequestError extends ClauderonError<"authentication.required" | "request.refused" | "request.too-large"> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & {
      readonly code?: "authentication.required" | "request.refused" | "request.too-large";
    },
  ) {
    super({ code: "request.refused", ...options });
  }
}
