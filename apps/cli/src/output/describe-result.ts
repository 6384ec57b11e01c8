import type { SessionResult } from "@clauderon/core/contract";

import { printable } from "./printable.ts";

export const resultJsonFields: readonly string[] = [
  "schemaVersion",
  "kind",
  "name",
  "undoId",
  "isUpToDate",
  "how",
  "branch",
  "before",
  "after",
  "checkout",
  "files",
];

/** One sentence for people. */
export function describeResult(result: SessionResult): string {
  return printable(sentence(result));
}

function sentence(result: SessionResult): string {
  const { kind, name, isUpToDate, how, branch, after = "", files, undoId, checkout } = result;
  if (isUpToDate)
    return kind === "merge"
      ? `${branch ?? "The branch"} has everything of ${name} already`
      : `${checkout ?? "The working tree"} has everything of ${name} already`;
  const count = files.length === 1 ? "1 file" : `${files.length} files`;
  const words = { "fast-forward": "moved forward to", merge: "merge commit", squash: "one commit", files: "" } as const;
  const done =
    kind === "merge"
      ? `Merged ${name} into ${branch ?? ""}: ${words[how]} ${after.slice(0, 12)}, ${count}`
      : `Applied ${name} to ${checkout ?? ""}: ${count}`;
  return undoId === undefined ? done : `${done}; take it back with: clauderon undo ${undoId}`;
}
