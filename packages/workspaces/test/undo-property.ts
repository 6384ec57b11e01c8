import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";
import { expect } from "vitest";

import { type Fixture, fixture, made, snapshot } from "./git-fixture.ts";
import { acts, gitState, perform, prepare } from "./random-workspace.ts";

/** Random workspaces: deleted, the repository collected and pruned, put back; everything is as before. */
export async function undoBringsBack(numRuns: number): Promise<void> {
  const world = fixture();
  prepare(world);
  await fc.assert(
    fc.asyncProperty(acts, fc.boolean(), async (list, isCollected) => {
      const sessionId = randomUUID();
      const { record } = await made(world, { sessionId });
      for (const act of list) perform(world, record.path, act);
      const entry = (): string => /gitdir: (.+)\n/u.exec(readFileSync(join(record.path, ".git"), "utf8"))?.[1] ?? "";
      const state = gitState(world, record.path);
      const tree = snapshot(record.path);
      const own = withoutMark(snapshot(entry()));

      const removal = await world.provider.remove(record, {
        sessionId,
        force: true,
        undo: { at: new Date().toISOString(), session: null },
      });
      expect(removal.hasUndoRecord).toBe(true);
      if (isCollected) collect(world);
      const next = randomUUID();
      const request = { sessionId: next, name: "fix" };
      expect(await world.provider.undoRecords.plan(sessionId, request)).toEqual(record);
      await world.provider.undoRecords.restore(sessionId, request);

      expect(snapshot(record.path)).toEqual(tree);
      expect(withoutMark(snapshot(entry()))).toEqual(own);
      expect(gitState(world, record.path)).toEqual(state);
      expect(await world.provider.undoRecords.list()).toEqual([]);
      await world.provider.remove(record, { sessionId: next, force: true });
      cleanUp(world);
    }),
    { numRuns },
  );
}

/** Whose it is changes; the directory's own time with it. */
function withoutMark(found: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(found).filter(([name]) => name !== "/clauderon.json"));
}

function collect(world: Fixture): void {
  world.git(["worktree", "prune"]);
  world.git(["reflog", "expire", "--expire=now", "--expire-unreachable=now", "HEAD"]);
  world.git(["-c", "gc.auto=0", "gc", "--quiet", "--prune=now"]);
  world.git(["fsck", "--strict", "--no-dangling"]);
}

function cleanUp(world: Fixture): void {
  const refs = world.git(["for-each-ref", "--format=%(refname)", "refs/heads/clauderon", "refs/stash"]).split("\n");
  for (const ref of refs) if (ref !== "") world.git(["update-ref", "-d", ref]);
}
