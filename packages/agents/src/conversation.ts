import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** What the agent's own files hold of a conversation: nothing, a file without a message (its id is used up), or messages. */
export type ConversationState = "absent" | "empty" | "present";

/** What to start or resume. */
export interface Conversation {
  readonly conversationId: string;
  readonly isPresent: boolean;
}

/**
 * The conversation of a session. An agent that ended before the first message may leave a file that can neither be resumed nor made again: then the
 * conversation goes on under the next id derived from the session's, the same one each time.
 */
export async function findConversation(
  conversationId: string,
  look: (id: string) => Promise<ConversationState>,
): Promise<Conversation> {
  for (let id = conversationId; ; id = nextId(id)) {
    const state = await look(id);
    if (state !== "empty") return { conversationId: id, isPresent: state === "present" };
  }
}

/** A UUID (version 8, RFC 9562) made from another. */
function nextId(id: string): string {
  const hex = createHash("sha256").update(`clauderon conversation after ${id}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The first line of a file that is as asked; reads no further than that. */
export async function findLine(path: string, isWanted: (line: string) => boolean): Promise<string | undefined> {
  const stream = createReadStream(path);
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (isWanted(line)) return line;
    }
    return undefined;
  } finally {
    stream.destroy();
  }
}

export const ONLY_CLAUDE = "clauderon copies those of Claude Code alone";

/** For an agent that begins anew though it was to go on with a copy of another session's conversation. */
export function noForkNotice(displayName: string, why: string): string {
  return `${displayName} begins a new conversation, without what was said before the checkpoint: ${why}`;
}
