import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** A path that leaves the sandbox, is missing, or cannot be read or written. */
export class FileError extends ClauderonError<"path.refused" | "file.not-found" | "file.failed"> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & {
      readonly code?: "path.refused" | "file.not-found" | "file.failed";
    },
  ) {
    super({ code: "file.failed", ...options });
  }
}
