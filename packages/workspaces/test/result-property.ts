import { randomUUID } from "node:crypto";

import { ClauderonError } from "@clauderon/core/contract";
import fc from "fast-check";
import { expect } from "vitest";

import { type Fixture, fixture, made } from "./git-fixture.ts";
import { type Act, acts, perform, prepare } from "./random-workspace.ts";
import { resultsOf } from "./result-world.ts";

const kinds = new Set(["write", "link", "directory", "delete", "stage", "commit"]);

/**
 * Random sessions merged into and applied to random checkouts: refused, nothing is changed; done and taken back, branches, files with their times,
 * index and status are identical. Gives how often it was done.
 */
export async function resultsAreTakenBack(numRuns: number): Promise<number> {
  const world = fixture();
  prepare(world);
  const start = world.git(["rev-parse", "main"]).trim();
  let done = 0;
  await fc.assert(
    fc.asyncProperty(acts, acts, fc.constantFrom("merge", "squash", "no-ff", "apply"), async (theirs, ours, how) => {
      const { record } = await made(world, { sessionId: randomUUID(), name: `s${randomUUID()}` });
      for (const act of theirs) await perform(world, record.path, act);
      if (how !== "apply") commitAll(world, record.path);
      for (const act of ours.filter(isPlain)) await perform(world, world.repository, act);
      // What git would only find out by looking again.
      world.git(["status"]);
      const results = resultsOf(world, record);
      const before = results.everything();
      const taken = await (how === "apply" ? results.apply() : results.merge({ how, isCommittedOnly: true })).catch(
        (error: unknown) => {
          expect([String(error), ClauderonError.isInstance(error)]).toEqual([String(error), true]);
          return undefined;
        },
      );
      if (taken === undefined || taken.isUpToDate) expect(results.everything()).toEqual(before);
      else {
        done += 1;
        if (taken.files.length > 0) expect(results.everything()).not.toEqual(before);
        await results.takeBack();
        expect(results.everything()).toEqual(before);
      }
      expect(await world.provider.results.list()).toEqual([]);
      world.git(["fsck", "--strict", "--no-dangling"]);
      clearAway(world, record.path, start);
    }),
    { numRuns },
  );
  return done;
}

function isPlain({ act }: Act): boolean {
  return kinds.has(act);
}

function commitAll(world: Fixture, path: string): void {
  try {
    world.git(["add", "--all"], path);
    world.git(["commit", "--quiet", "--allow-empty", "-m", "All"], path);
  } catch {
    // In the middle of a rebase or with conflicts: refused then.
  }
}

function clearAway(world: Fixture, path: string, start: string): void {
  world.git(["worktree", "remove", "--force", "--force", path]);
  world.git(["reset", "--quiet", "--hard", start]);
  world.git(["clean", "-ffdxq"]);
}
