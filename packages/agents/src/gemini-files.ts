import { join } from "node:path";

import { type ConversationState, findLine } from "./conversation.ts";
import { listDirectory } from "./list-directory.ts";

/** Conversations lie in `tmp/<project>/chats/session-<time>-<first 8 of the id>.jsonl`; a resumed one may go on in a further file. */
export async function geminiConversation(
  environment: Readonly<Record<string, string | undefined>>,
  id: string,
): Promise<ConversationState> {
  const projects = join(environment["GEMINI_CLI_HOME"] || (environment["HOME"] ?? "/"), ".gemini", "tmp");
  let state: ConversationState = "absent";
  for (const project of await listDirectory(projects)) {
    const chats = join(projects, project, "chats");
    for (const name of await listDirectory(chats)) {
      if (!name.endsWith(`-${id.slice(0, 8)}.jsonl`)) continue;
      const path = join(chats, name);
      if ((await findLine(path, (line) => line.includes(`"sessionId":"${id}"`))) === undefined) continue;
      if ((await findLine(path, isMessage)) !== undefined) return "present";
      state = "empty";
    }
  }
  return state;
}

/** Not the context that the agent writes for itself before the user's first message. Quotes in texts are escaped. */
function isMessage(line: string): boolean {
  return line.includes('"type":"gemini"') || (line.startsWith('{"id":') && line.includes('"type":"user"'));
}
