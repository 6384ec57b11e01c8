import { ClauderonError } from "@clauderon/core/contract";

/** The reason of a failure, for the sentence of another one. */
export function whyOf(error: unknown): string {
  if (ClauderonError.isInstance(error)) return error.why ?? error.message;
  return error instanceof Error ? error.message : String(error);
}
