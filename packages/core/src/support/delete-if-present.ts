import type { Session } from "../contract/clauderon.ts";
import { ClauderonError } from "../contract/errors/clauderon-error.ts";

/** Deletes a session with all it holds; somebody else may have been faster: it is gone, as it was to be. */
export async function deleteIfPresent(session: Pick<Session, "delete">): Promise<void> {
  try {
    await session.delete({ discard: true, ignored: "drop" });
  } catch (error) {
    if (!ClauderonError.isInstance(error, "session.not-found")) throw error;
  }
}
