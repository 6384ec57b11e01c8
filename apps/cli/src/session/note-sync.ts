import type { Session } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";

/** Says what came to light when the session's commits were brought out of its sandbox just now. */
export async function noteSync(session: Session, { output, flags, signal }: CommandContext): Promise<void> {
  if (flags.isQuiet) return;
  const { syncNotices = [] } = await session.detail({ signal });
  for (const notice of syncNotices) output.note(notice);
}
