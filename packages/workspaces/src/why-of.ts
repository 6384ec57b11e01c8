import { ClauderonError } from "@clauderon/core/contract";

/** The reason of a failure, for the sentence of another one; that something did not come out of a sandbox those sentences say themselves. */
export function whyOf(error: unknown): string {
  if (!ClauderonError.isInstance(error)) return error instanceof Error ? error.message : String(error);
  const { code, message, why } = error;
  if (why === undefined) return message;
  return code === "workspace.sync-failed" ? why : `${message}: ${why}`;
}
