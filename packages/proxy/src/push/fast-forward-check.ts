import { createPackCommits } from "./pack-commits.ts";
import type { PushCommand } from "./receive-pack-parser.ts";

export type FastForwardProgress =
  /** The commits seen lead from the new tip to the old one. */
  | { readonly kind: "proved" }
  /** `length` bytes from the front are read and can do no harm without what follows them. */
  | { readonly kind: "reading"; readonly length: number }
  | { readonly kind: "not-proved"; readonly reason: string };

export interface FastForwardCheck {
  /** Takes all bytes of the pack that were not reported as read yet; `isEnd` = nothing follows them. */
  read(bytes: Buffer, isEnd: boolean): FastForwardProgress;
}

const MAX_COMMITS = 100_000;

/**
 * Follows the parents of the pack's commits. Names of commits are hashes that are computed here, so a chain that arrives at the old tip proves the
 * fast-forward whatever else the pack holds; a chain that leaves the pack elsewhere proves nothing.
 */
export function createFastForwardCheck({ oldId, newId }: PushCommand): FastForwardCheck {
  const commits = createPackCommits(oldId.length === 64 ? "sha256" : "sha1");
  const waiting = new Map<string, readonly string[]>();
  const reached = new Set([newId]);

  function reach(id: string, parents: readonly string[]): void {
    const found: (readonly [string, readonly string[]])[] = [[id, parents]];
    for (let next = found.pop(); next !== undefined; next = found.pop()) {
      waiting.delete(next[0]);
      for (const parent of next[1]) {
        if (reached.has(parent)) continue;
        reached.add(parent);
        const grandparents = waiting.get(parent);
        if (grandparents !== undefined) found.push([parent, grandparents]);
      }
    }
  }

  return {
    read(bytes, isEnd) {
      if (oldId === newId) return { kind: "proved" };
      let length = 0;
      for (;;) {
        const read = commits.next(bytes.subarray(length), isEnd);
        if (read.kind === "incomplete") return { kind: "reading", length };
        if (read.kind === "unreadable") return { kind: "not-proved", reason: read.reason };
        if (read.kind === "no-more-commits") return { kind: "not-proved", reason: NOT_ON_TOP };
        length += read.length;
        if (read.kind === "header") continue;
        if (reached.has(read.id)) reach(read.id, read.parents);
        else waiting.set(read.id, read.parents);
        if (reached.has(oldId)) return { kind: "proved" };
        if (waiting.size + reached.size > MAX_COMMITS)
          return { kind: "not-proved", reason: "too many commits to follow" };
      }
    },
  };
}

const NOT_ON_TOP = "the new commits do not stand on top of the branch (no force; merges need a merge commit)";
