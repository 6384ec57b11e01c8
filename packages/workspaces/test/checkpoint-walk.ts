import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import type { WorkspaceCheckpoint, WorkspaceRecord } from "@clauderon/core/contract";
import { expect } from "vitest";

import { checkpointRequest } from "./checkpoint-property.ts";
import { type Fixture, fixture, made, snapshot } from "./git-fixture.ts";
import { dyingAt } from "./result-walk.ts";

const SESSION = "session-fix";

interface WalkWorld extends Fixture {
  readonly record: WorkspaceRecord;
  readonly checkpoint: WorkspaceCheckpoint;
}

/** A session that has gone on since its checkpoint: every kind of change is between the two. */
async function walkWorld(): Promise<WalkWorld> {
  const world = fixture();
  const { record } = await made(world, { sessionId: SESSION });
  const { path } = record;
  const git = (...args: readonly string[]): string => world.git(args, path);
  world.write({ "a.txt": "then\n", "new/deep.txt": "new\n", "ignored.txt": "ignored\n", turned: "file\n" }, path);
  chmodSync(join(path, "b.txt"), 0o755);
  symlinkSync("a.txt", join(path, "link"));
  mkdirSync(join(path, "empty"), { mode: 0o750 });
  git("add", "a.txt");
  const checkpoint = await world.provider.checkpoints.create(record, checkpointRequest(SESSION, "target"));
  git("commit", "--quiet", "--all", "-m", "Later");
  world.write({ "a.txt": "later\n", "other.txt": "other\n", "ignored.txt": "still ignored\n" }, path);
  for (const name of ["new", "turned", "empty"]) rmSync(join(path, name), { recursive: true });
  world.write({ "turned/inside": "directory\n" }, path);
  git("rm", "--quiet", "--cached", "deep/c.txt");
  return { ...world, record, checkpoint };
}

function everything(world: WalkWorld): unknown {
  const { path } = world.record;
  const git = (...args: readonly string[]): string => world.git(args, path);
  return {
    tree: Object.entries(snapshot(path, false)).filter(([name]) => name !== "/.git"),
    status: git("status", "--porcelain=v2", "--branch", "-z"),
    index: git("ls-files", "--stage", "-v", "-z"),
    head: git("symbolic-ref", "HEAD"),
    lock: snapshotNames(world).filter((name) => name.includes("lock") || name.includes("clauderon-index")),
  };
}

function snapshotNames(world: WalkWorld): readonly string[] {
  const entry = /gitdir: (.+)\n/u.exec(readFileSync(join(world.record.path, ".git"), "utf8"))?.[1] ?? "";
  return Object.keys(snapshot(entry, false));
}

/** Cuts a restoration off at every `step`-th point: after it is settled all is as it was before, or as at the checkpoint. Gives the number of deaths. */
export async function walkRestores({
  step,
  first = 1,
}: {
  readonly step: number;
  readonly first?: number;
}): Promise<number> {
  const world = await walkWorld();
  const { checkpoints } = world.provider;
  const { record } = world;
  const before = everything(world);
  const restored = await checkpoints.restore(record, { id: "target", before: checkpointRequest(SESSION, "kept") });
  expect(restored.notices).toEqual([]);
  const then = everything(world);
  expect(then).not.toEqual(before);
  expect(world.git(["status", "--porcelain"], record.path)).toBe("M  a.txt\n M b.txt\n?? link\n?? new/\n?? turned\n");
  await checkpoints.restore(record, { id: "kept", before: checkpointRequest(SESSION, "first") });
  expect(everything(world)).toEqual(before);
  await checkpoints.remove(["first"]);
  let deaths = 0;
  const ends = new Set<string>();
  for (let point = first; ; point += step) {
    const dying = dyingAt(point);
    const dead = world.providerWith(dying.options).checkpoints;
    const id = `before-${String(point)}`;
    await dead.restore(record, { id: "target", before: checkpointRequest(SESSION, id) }).catch(() => undefined);
    const settled = await checkpoints.settle(record, SESSION);
    const now = everything(world);
    const isDone = JSON.stringify(now) === JSON.stringify(then);
    expect([point, now]).toEqual([point, isDone ? then : before]);
    expect([point, settled?.before.id === id]).toEqual([point, isDone]);
    ends.add(isDone ? "done" : "back");
    if (isDone)
      await checkpoints.restore(record, { id: "kept", before: checkpointRequest(SESSION, `back-${String(point)}`) });
    expect([point, everything(world)]).toEqual([point, before]);
    const made = (await checkpoints.list(SESSION))
      .map((found) => found.id)
      .filter((name) => /^(?:back|before)-/u.test(name));
    await checkpoints.remove(made);
    if (!dying.isDead()) {
      expect([...ends].toSorted()).toEqual(["back", "done"]);
      return deaths;
    }
    deaths += 1;
  }
}

/** Cuts a creation off: there is no checkpoint, or a whole one; and nothing of it is left in the repository in the end. */
export async function walkCreations({
  step,
  first = 1,
}: {
  readonly step: number;
  readonly first?: number;
}): Promise<number> {
  const world = await walkWorld();
  const { checkpoints } = world.provider;
  const before = everything(world);
  let deaths = 0;
  for (let point = first; ; point += step) {
    const dying = dyingAt(point);
    const dead = world.providerWith(dying.options).checkpoints;
    await dead.create(world.record, checkpointRequest(SESSION, "one")).catch(() => undefined);
    expect([point, everything(world)]).toEqual([point, before]);
    const found = (await checkpoints.list(SESSION)).find(({ id }) => id === "one");
    if (found !== undefined) expect(await checkpoints.diff({ from: "one", record: world.record })).toBe("");
    await checkpoints.remove(["one"]);
    await Array.fromAsync(world.provider.list());
    const refs = world.git(["for-each-ref", "--format=%(refname)", "refs/clauderon"]);
    expect([point, refs]).toEqual([point, "refs/clauderon/checkpoints/target\n"]);
    if (!dying.isDead()) return deaths;
    deaths += 1;
  }
}
