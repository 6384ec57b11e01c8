import { ClauderonError } from "../contract/errors/clauderon-error.ts";

/** The reason of a failure, for the sentence of another one; that something did not come out of a sandbox those sentences say themselves. */
export function whyOf(cause: unknown): string {
  if (!ClauderonError.isInstance(cause)) return cause instanceof Error ? cause.message : String(cause);
  const { code, message, why } = cause;
  if (why === undefined) return message;
  return code === "workspace.sync-failed" ? why : `${message}: ${why}`;
}
