import { ClauderonError, type ClauderonErrorJson } from "./clauderon-error.ts";

/** The error that `toJSON` described; equal in code, message, why, fix and context. */
export function errorFromJson(json: ClauderonErrorJson): ClauderonError {
  const [first = "see the daemon's log: clauderon daemon logs", ...rest] = json.fix;
  return new ClauderonError({
    code: json.code,
    message: json.message,
    why: json.why,
    fix: [first, ...rest],
    context: json.context,
  });
}
