import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** A database that cannot be opened or written. */
export class StoreError extends ClauderonError<"store.newer-schema" | "store.corrupt" | "store.full" | "store.failed"> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & {
      readonly code?: "store.newer-schema" | "store.corrupt" | "store.full" | "store.failed";
    },
  ) {
    super({ code: "store.failed", ...options });
  }
}
