import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** A session that is not there, cannot be made, or must not be touched this way. */
export class SessionError extends ClauderonError<
  | "session.not-found"
  | "session.name-taken"
  | "session.wrong-state"
  | "session.work-at-risk"
  | "session.ignored-over-limit"
> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & {
      readonly code?:
        | "session.not-found"
        | "session.name-taken"
        | "session.wrong-state"
        | "session.work-at-risk"
        | "session.ignored-over-limit";
    },
  ) {
    super({ code: "session.wrong-state", ...options });
  }
}
