import { statSync } from "node:fs";

import { StoreError } from "@clauderon/core/contract";

/** The refusal of a damaged database; the file stays as it is. */
export function corruptStoreError(
  path: string,
  reason: { readonly why: string; readonly cause?: unknown },
): StoreError {
  const hasLog = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  const moveAway = `mv ${path} ${path}.damaged${hasLog ? ` && mv ${path}-wal ${path}.damaged-wal` : ""}`;
  return new StoreError({
    code: "store.corrupt",
    message: `The session store ${path} is damaged and was left as it is`,
    why: reason.why,
    fix: [
      "put back a copy of it from a backup",
      `rescue what can be read: sqlite3 ${path} .recover | sqlite3 ${path}.recovered`,
      `start without the recorded sessions (worktrees and branches stay): ${moveAway}`,
    ],
    context: { path },
    cause: reason.cause,
  });
}
