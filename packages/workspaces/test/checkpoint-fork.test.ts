import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { checkpointRequest } from "./checkpoint-property.ts";
import { errorWith, type Fixture, fixture, leftovers, made, planned, snapshot } from "./git-fixture.ts";
import { dyingAt } from "./result-walk.ts";

const SESSION = "session-fix";

async function withCheckpoint(): Promise<Fixture & { readonly path: string; readonly head: string }> {
  const world = fixture();
  const { record } = await made(world, { sessionId: SESSION });
  const { path } = record;
  world.write({ "a.txt": "committed\n" }, path);
  world.git(["commit", "--quiet", "--all", "-m", "Work"], path);
  world.write({ "b.txt": "staged\n", "new/file": "new\n", "deep/c.txt": "changed\n" }, path);
  world.git(["add", "b.txt"], path);
  chmodSync(join(path, "new", "file"), 0o700);
  symlinkSync("nowhere", join(path, "link"));
  mkdirSync(join(path, "empty"));
  const { head = "" } = await world.provider.checkpoints.create(record, checkpointRequest(SESSION, "one"));
  return { ...world, path, head };
}

const tree = (path: string): Record<string, string> =>
  Object.fromEntries(Object.entries(snapshot(path, false)).filter(([name]) => name !== "/.git"));

it("a new session begins with what a checkpoint holds, on a branch of its own", async () => {
  const world = await withCheckpoint();
  const before = [tree(world.path), world.git(["status", "--porcelain=v2"], world.path)];
  const fork = await made(world, { name: "fork", base: world.head, checkpoint: "one" });
  const { path } = fork.record;
  expect([tree(path), world.git(["status", "--porcelain=v2"], path)]).toEqual(before);
  expect(world.git(["symbolic-ref", "HEAD"], path)).toBe("refs/heads/clauderon/fork\n");
  expect([tree(world.path), world.git(["status", "--porcelain=v2"], world.path)]).toEqual(before);
  // Nobody has worked in it: its creation can be taken back.
  await world.provider.undo(fork.record, fork.request.sessionId);
  expect(leftovers(world).filter((name) => name.includes("fork"))).toEqual([]);
});

it("a checkpoint that is gone, or of another commit, leaves nothing of the new session", async () => {
  const world = await withCheckpoint();
  for (const [checkpoint, base, code] of [
    ["none", world.head, "checkpoint.not-found"],
    ["one", "main", "checkpoint.refused"],
  ] as const) {
    await expect(made(world, { name: "fork", base, checkpoint })).rejects.toEqual(errorWith(code));
    expect(leftovers(world).filter((name) => name.includes("fork"))).toEqual([]);
  }
});

it("a creation from a checkpoint that is cut off is done anew", { timeout: 120_000 }, async () => {
  const world = await withCheckpoint();
  const plan = await planned(world, { name: "fork", base: world.head, checkpoint: "one" });
  for (let point = 40; ; point += 41) {
    const dying = dyingAt(point);
    await world
      .providerWith(dying.options)
      .create(plan.request, plan.record)
      .catch(() => undefined);
    await world.provider.create(plan.request, plan.record);
    expect([point, tree(plan.record.path)]).toEqual([point, tree(world.path)]);
    await world.provider.undo(plan.record, plan.request.sessionId);
    expect([point, leftovers(world).filter((name) => name.includes("/worktrees/fork"))]).toEqual([point, []]);
    if (!dying.isDead()) break;
  }
});
