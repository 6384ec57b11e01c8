import type { WorkspaceRecord } from "@clauderon/core/contract";

import { privatePlaces } from "./private-places.ts";

/** The last of each workspace of this process. */
const running = new Map<string, Promise<unknown>>();

/**
 * What moves commits between a workspace and its sandbox, or moves HEAD, branches and index of its git directory on this machine, waits for each other. Not to
 * be called by what has its turn.
 */
export async function inTurn<Value>(record: WorkspaceRecord, move: () => Promise<Value>): Promise<Value> {
  if (record.kind === "worktree") return move();
  const { directory } = privatePlaces(record);
  const before = running.get(directory) ?? Promise.resolve();
  const work = before.then(move);
  const settled = work.catch(() => undefined);
  running.set(directory, settled);
  try {
    return await work;
  } finally {
    if (running.get(directory) === settled) running.delete(directory);
  }
}
