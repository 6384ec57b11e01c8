import { randomUUID } from "node:crypto";
import { join } from "node:path";

import { ClauderonError, type MergeRequest } from "@clauderon/core/contract";
import { expect } from "vitest";

import { checkpointRequest } from "./checkpoint-property.ts";
import { type Fixture, leftovers, made, snapshot } from "./git-fixture.ts";

export interface Life {
  /** Where the session is made from. */
  readonly from: string;
  readonly commonDirectory: string;
  readonly merge?: MergeRequest | undefined;
  /** What such a repository refuses, and the code that it is refused with. */
  readonly refused?: Readonly<Partial<Record<Step, string>>> | undefined;
  /** A file of the commit that the session changes; default `a.txt`. */
  readonly file?: string | undefined;
  /** Looks at the worktree when it is new. */
  readonly look?: ((path: string) => void) | undefined;
}

type Step = "merge" | "apply" | "checkpoint" | "delete" | "archive" | "borrow";

/** Everything that is done with a session, from its creation to its end: each step is done whole, or refused with what to do and nothing changed. */
export async function liveWhole(world: Fixture, life: Life): Promise<void> {
  const { from, commonDirectory, file = "a.txt" } = life;
  const { provider } = world;
  const sessionId = randomUUID();
  const others = leftovers(world, commonDirectory);
  const { record } = await made(world, { from, sessionId });
  const git = (...args: readonly string[]): string => world.git(args, record.path);
  const status = (): string => git("status", "--porcelain=v2", "--branch", "--untracked-files=all", "--ignored");
  const refused: Partial<Record<Step, string>> = {};
  const attempt = async (step: Step, work: () => Promise<unknown>): Promise<boolean> => {
    const before = everything();
    try {
      await work();
      return true;
    } catch (error) {
      if (!ClauderonError.isInstance(error)) throw error;
      if (life.refused?.[step] === undefined) throw error;
      expect([step, everything()]).toEqual([step, before]);
      expect([step, error.why, error.fix.length > 0]).toEqual([step, expect.any(String), true]);
      refused[step] = error.code;
      return false;
    }
  };
  const everything = (): unknown => ({
    tree: snapshot(record.path, false),
    status: status(),
    refs: world.git([`--git-dir=${commonDirectory}`, "for-each-ref", "refs/heads", "refs/tags", "refs/remotes"]),
    user: from === commonDirectory ? "" : world.git(["status", "--porcelain", "--ignored"], from),
  });

  expect(git("status", "--porcelain")).toBe("");
  life.look?.(record.path);
  world.write({ [file]: "session\n", "new.txt": "new\n" }, record.path);
  git("add", "--", file, "new.txt");
  git("commit", "--quiet", "-m", "Work");
  world.write({ [file]: "more\n", "untracked.txt": "untracked\n", "ignored.txt": "ignored\n" }, record.path);
  expect(await provider.diff(record, { format: "names" })).toBe(
    [file, "new.txt", "untracked.txt", ""].sort().slice(1).join("\n") + "\n",
  );
  expect(await provider.status(record)).toMatchObject({ staged: 0, unstaged: 1, untracked: 1, unreachedCommits: 1 });
  const worked = everything();

  await attempt("borrow", async () => {
    const { directory } = await provider.mirrors.borrow({ sessionId, commonDirectory, commits: [record.base] });
    world.git([`--git-dir=${directory}`, "fsck", "--connectivity-only"]);
    await provider.mirrors.release(sessionId);
  });
  await attempt("checkpoint", async () => {
    const { id } = await provider.checkpoints.create(record, checkpointRequest(sessionId));
    world.write({ [file]: "later\n", "later.txt": "later\n" }, record.path);
    git("add", "later.txt");
    const { notices } = await provider.checkpoints.restore(record, { id, before: checkpointRequest(sessionId) });
    expect(notices).toEqual([]);
    expect(everything()).toEqual(worked);
  });
  const call = { name: "fix", at: new Date().toISOString(), session: null, keeps: true };
  const taken = async (kind: "merge" | "apply"): Promise<void> => {
    const id = randomUUID();
    const merge: MergeRequest = { isCommittedOnly: true, ...life.merge };
    const result = await provider.results.take(id, record, { ...call, kind, ...(kind === "merge" ? { merge } : {}) });
    expect([kind, result.isUpToDate]).toEqual([kind, false]);
    expect(everything()).not.toEqual(worked);
    await provider.results.takeBack(id);
    expect([kind, everything()]).toEqual([kind, worked]);
  };
  await attempt("merge", () => taken("merge"));
  await attempt("apply", () => taken("apply"));
  const undo = { at: new Date().toISOString(), session: null };
  await attempt("archive", async () => {
    await provider.remove(record, { sessionId, force: true, undo: { ...undo, isRequired: true } });
    await provider.undoRecords.restore(sessionId, { sessionId, name: "fix" });
    expect(everything()).toEqual(worked);
  });
  await attempt("delete", async () => {
    expect(await provider.remove(record, { sessionId, force: true, undo })).toMatchObject({ hasUndoRecord: true });
    await provider.undoRecords.restore(sessionId, { sessionId, name: "fix" });
    expect(everything()).toEqual(worked);
  });
  expect(refused).toEqual(life.refused ?? {});
  await provider.checkpoints.remove((await provider.checkpoints.list(sessionId)).map(({ id }) => id));
  const { keptBranch } = await provider.remove(record, { sessionId, force: true });
  expect(keptBranch).toMatchObject({ name: record.branch });
  world.git([`--git-dir=${commonDirectory}`, "branch", "-D", record.branch]);
  expect(leftovers(world, commonDirectory)).toEqual(others);
  world.git([`--git-dir=${commonDirectory}`, "fsck", "--connectivity-only"]);
}

/** What `liveWhole` takes for a repository with files of its own. */
export function ofWorkTree(from: string, life: Partial<Life> = {}): Life {
  return { from, commonDirectory: join(from, ".git"), ...life };
}
