import { randomUUID } from "node:crypto";
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { WorkspaceCheckpointRequest } from "@clauderon/core/contract";
import fc from "fast-check";
import { expect } from "vitest";

import { type Fixture, fixture, made, snapshot } from "./git-fixture.ts";
import { acts, gitState, perform, prepare } from "./random-workspace.ts";

export function checkpointRequest(sessionId: string, id: string = randomUUID()): WorkspaceCheckpointRequest {
  return { id, sessionId, name: "fix", at: new Date().toISOString(), trigger: "user", session: { kept: id } };
}

/** Random workspaces: a checkpoint, random work, the repository collected, back, and back again; each time everything is as it was. */
export async function checkpointsBringBack(numRuns: number): Promise<void> {
  const world = fixture();
  prepare(world);
  await fc.assert(
    fc.asyncProperty(acts, acts, fc.boolean(), async (first, second, isCollected) => {
      const sessionId = randomUUID();
      const { record } = await made(world, { sessionId });
      try {
        const { checkpoints } = world.provider;
        for (const act of first) await perform(world, record.path, act);
        const then = await stateOf(world, record.path);
        const checkpoint = await checkpoints.create(record, checkpointRequest(sessionId));
        expect(await stateOf(world, record.path)).toEqual(then);
        for (const act of second) await perform(world, record.path, act);
        const later = await stateOf(world, record.path);
        if (isCollected) collect(world);

        const { before } = await checkpoints.restore(record, {
          id: checkpoint.id,
          before: checkpointRequest(sessionId),
        });
        await compare(world, record.path, then);
        if (isCollected) collect(world);
        await checkpoints.restore(record, { id: before.id, before: checkpointRequest(sessionId) });
        await compare(world, record.path, later);

        expect(await checkpoints.list(sessionId)).toHaveLength(3);
        await checkpoints.remove((await checkpoints.list(sessionId)).map(({ id }) => id));
        expect(world.git(["for-each-ref", "refs/clauderon/checkpoints"])).toBe("");
      } finally {
        await world.provider.checkpoints.remove((await world.provider.checkpoints.list()).map(({ id }) => id));
        await world.provider.remove(record, { sessionId, force: true });
        cleanUp(world);
      }
    }),
    { numRuns },
  );
}

type State = Readonly<Record<string, unknown>>;

/** Files, links, empty directories and permissions; index, HEAD, operations in progress. Ignored files and nested repositories are none of a checkpoint's. */
async function stateOf(world: Fixture, workTree: string): Promise<State> {
  const { status, index, undo, head, staged } = await gitState(world, workTree);
  const tree = Object.fromEntries(Object.entries(snapshot(workTree, false)).filter(([name]) => !isNone(name)));
  const entry = /gitdir: (.+)\n/u.exec(readFileSync(join(workTree, ".git"), "utf8"))?.[1] ?? "";
  const kept = Object.entries(snapshot(entry, false));
  const own = kept.filter(
    ([name]) =>
      !/^\/(?:index|logs|modules|clauderon\.json|HEAD|FETCH_HEAD|COMMIT_EDITMSG|$)/u.test(name) &&
      // Directories of references say nothing by themselves: git leaves them behind, too.
      !(name.startsWith("/refs/") && name.endsWith("/")),
  );
  return { status: withoutIgnored(status), index, undo, head, staged, tree, own: Object.fromEntries(own) };
}

/** Ignored, nested, or git's own. */
const isNone = (name: string): boolean => /^\/(?:(?:.*\/)?ignored|nested\/|sub\/|\.git$)/su.test(name);

async function compare(world: Fixture, workTree: string, wanted: State): Promise<void> {
  const now = await stateOf(world, workTree);
  const names = Object.keys(snapshot(workTree, false));
  // They stay for what they hold, wherever that came from.
  const holdsIgnored = names.filter((directory) => {
    const inside = directory.endsWith("/")
      ? names.filter((name) => name !== directory && name.startsWith(directory))
      : [];
    return inside.some(isNone) && inside.every((name) => isNone(name) || name.endsWith("/"));
  });
  expect(without(now, holdsIgnored)).toEqual(without(wanted, holdsIgnored));
  expect(lstatSync(workTree).isDirectory()).toBe(true);
}

function without(state: State, directories: readonly string[]): State {
  const tree = Object.entries(state["tree"] as Record<string, string>).filter(([name]) => !directories.includes(name));
  return { ...state, tree };
}

function withoutIgnored(status = ""): readonly string[] {
  return status.split("\0").filter((line) => !/^(?:! |\? (?:nested|sub)\/)/u.test(line));
}

function collect(world: Fixture): void {
  world.git(["reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all"]);
  world.git(["-c", "gc.auto=0", "gc", "--quiet", "--prune=now"]);
}

function cleanUp(world: Fixture): void {
  const refs = world.git(["for-each-ref", "--format=%(refname)", "refs/heads/clauderon", "refs/stash"]).split("\n");
  for (const ref of refs) if (ref !== "") world.git(["update-ref", "-d", ref]);
}
