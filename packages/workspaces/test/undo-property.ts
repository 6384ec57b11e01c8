import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";
import fc from "fast-check";
import { expect } from "vitest";

import { type Fixture, fixture, helpedRunner, made, snapshot } from "./git-fixture.ts";
import { type Act, acts, gitState, perform, prepare } from "./random-workspace.ts";

/** Workspaces of one repository that are gone at the same time. */
const TOGETHER = 4;
/** Repositories that are worked on at the same time. */
const LANES = 2;

const several = fc.array(acts, { minLength: TOGETHER, maxLength: TOGETHER });

/**
 * Random workspaces, so many in all: some of one repository are deleted, it is collected and pruned, they are put back in another order; everything is as
 * before. Gives how many there were.
 */
export async function undoBringsBack(workspaces: number): Promise<number> {
  const numRuns = Math.ceil(workspaces / TOGETHER / LANES);
  const lane = async (world: Fixture): Promise<void> => {
    prepare(world);
    const property = fc.asyncProperty(several, fc.boolean(), (lists, isCollected) =>
      bringBack(world, { lists, isCollected }),
    );
    await fc.assert(property, { numRuns });
  };
  await Promise.all(Array.from({ length: LANES }, fixture).map(lane));
  return numRuns * TOGETHER * LANES;
}

interface Case {
  readonly lists: readonly (readonly Act[])[];
  readonly isCollected: boolean;
}

interface Made {
  readonly sessionId: string;
  readonly record: WorkspaceRecord;
  readonly name: string;
}

async function bringBack(world: Fixture, { lists, isCollected }: Case): Promise<void> {
  const { provider } = world;
  const sessions: Made[] = [];
  for (const [index, list] of lists.entries()) {
    const [sessionId, name] = [randomUUID(), `fix-${String(index)}`];
    const { record } = await made(world, { sessionId, name });
    sessions.push({ sessionId, record, name });
    for (const act of list) await perform(world, record.path, act);
  }
  // Stashes, references and worktrees are the repository's: looked at when all have worked. Git writes what it has seen to the index.
  const states = await statesOf(world, sessions);
  const files = sessions.map(filesOf);
  for (const { sessionId, record } of sessions) {
    const undo = { at: new Date().toISOString(), session: null };
    expect((await provider.remove(record, { sessionId, force: true, undo })).hasUndoRecord).toBe(true);
  }
  if (isCollected) await collect(world);
  const again = sessions.map((session) => ({ ...session, next: randomUUID() }));
  for (const { sessionId, record, name, next } of again.toReversed()) {
    const request = { sessionId: next, name };
    expect(await provider.undoRecords.plan(sessionId, request)).toEqual(record);
    await provider.undoRecords.restore(sessionId, request);
  }
  expect(sessions.map(filesOf)).toEqual(files);
  expect(await statesOf(world, sessions)).toEqual(states);
  expect(await provider.undoRecords.list()).toEqual([]);
  for (const { record, next } of again) await provider.remove(record, { sessionId: next, force: true });
  await cleanUp(world);
}

async function statesOf(world: Fixture, sessions: readonly Made[]): Promise<readonly Record<string, string>[]> {
  const states: Record<string, string>[] = [];
  for (const { record } of sessions) states.push(await gitState(world, record.path, record.branch));
  return states;
}

/** Of the working tree and of its entry in the repository. Whose it is changes; the directory's own time with it. */
function filesOf({ record }: Made): readonly Record<string, string>[] {
  const [, entry = ""] = /gitdir: (.+)\n/u.exec(readFileSync(join(record.path, ".git"), "utf8")) ?? [];
  const own = Object.entries(snapshot(entry)).filter(([name]) => name !== "/clauderon.json");
  return [snapshot(record.path), Object.fromEntries(own)];
}

async function collect(world: Fixture): Promise<void> {
  await git(world, ["worktree", "prune"]);
  await git(world, ["reflog", "expire", "--expire=now", "--expire-unreachable=now", "HEAD"]);
  await git(world, ["-c", "gc.auto=0", "gc", "--quiet", "--prune=now"]);
  await git(world, ["fsck", "--strict", "--no-dangling"]);
}

async function cleanUp(world: Fixture): Promise<void> {
  const kept = ["refs/heads/clauderon", "refs/stash"];
  const refs = (await git(world, ["for-each-ref", "--format=delete %(refname)", ...kept])).trimEnd();
  if (refs !== "") await git(world, ["update-ref", "--stdin"], `${refs}\n`);
}

async function git(world: Fixture, args: readonly string[], input?: string): Promise<string> {
  const options = { cwd: world.repository, environment: world.environment, input };
  const { exitCode, stdout, stderr } = await helpedRunner.run("git", args, options);
  expect([args, exitCode, stderr]).toEqual([args, 0, expect.any(String)]);
  return stdout;
}
