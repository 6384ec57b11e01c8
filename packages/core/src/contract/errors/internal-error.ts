import { ClauderonError } from "./clauderon-error.ts";

/** A fault of clauderon itself: whatever was thrown without being a clauderon error becomes one of these at a border. */
export class InternalError extends ClauderonError<"internal"> {
  constructor(cause: unknown) {
    super({
      code: "internal",
      message: "clauderon failed unexpectedly",
      why: cause instanceof Error ? cause.message : String(cause),
      fix: ["see the daemon's log: clauderon daemon logs", "report it with that log"],
      cause,
    });
  }
}
