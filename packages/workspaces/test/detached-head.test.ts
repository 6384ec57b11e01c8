import { existsSync, rmSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { type Fixture, fixture, leftovers, made } from "./git-fixture.ts";

const removal = { sessionId: "session-fix", force: true } as const;
const kept = (name: string, commits: string): unknown => ({
  keptDetached: { name, reason: expect.stringContaining(commits) },
});

/** Commits on no branch. */
function commitDetached(world: Fixture, path: string, ...messages: readonly string[]): string {
  world.git(["checkout", "--quiet", "--detach"], path);
  for (const message of messages) world.git(["commit", "--quiet", "--allow-empty", "-m", message], path);
  return world.git(["rev-parse", "HEAD"], path).trim();
}

const branches = (world: Fixture): readonly string[] =>
  world.git(["for-each-ref", "--format=%(refname:short)", "refs/heads/clauderon"]).split("\n").filter(Boolean);

describe("commits of a detached HEAD", () => {
  it("that no ref reaches are kept under a branch of their own", async () => {
    const world = fixture();
    const { record } = await made(world);
    const head = commitDetached(world, record.path, "One", "Two");
    expect(await world.provider.remove(record, removal)).toEqual(kept("clauderon/fix-detached", "2 commits"));
    expect(existsSync(record.path)).toBe(false);
    expect(world.git(["rev-parse", "clauderon/fix-detached"]).trim()).toBe(head);
    expect(branches(world)).toEqual(["clauderon/fix-detached"]);
  });

  it("take a free name", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.git(["branch", "clauderon/fix-detached"]);
    world.git(["branch", "clauderon/fix-detached-2/other"]);
    const head = commitDetached(world, record.path, "One");
    expect(await world.provider.remove(record, removal)).toEqual(kept("clauderon/fix-detached-3", "1 commit"));
    expect(world.git(["rev-parse", "clauderon/fix-detached-3"]).trim()).toBe(head);
  });

  it("take a flat name where a branch of the user's is in the way of all below it", async () => {
    const world = fixture();
    const { record } = await made(world);
    const head = commitDetached(world, record.path, "One");
    world.git(["branch", "--quiet", "-D", "clauderon/fix"]);
    world.git(["branch", "clauderon"]);
    expect(await world.provider.remove(record, removal)).toEqual(kept("clauderon-fix-detached", "1 commit"));
    expect(world.git(["rev-parse", "clauderon-fix-detached"]).trim()).toBe(head);
  });

  it("on top of the branch's own leave one branch that reaches both", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.git(["commit", "--quiet", "--allow-empty", "-m", "On the branch"], record.path);
    commitDetached(world, record.path, "On none");
    expect(await world.provider.remove(record, removal)).toEqual(kept("clauderon/fix-detached", "1 commit"));
    expect(branches(world)).toEqual(["clauderon/fix-detached"]);
    expect(world.git(["log", "--format=%s", "-2", "clauderon/fix-detached"])).toBe("On none\nOn the branch\n");
  });

  it("that another ref reaches need none", async () => {
    const world = fixture();
    const { record } = await made(world);
    commitDetached(world, record.path, "One");
    world.git(["tag", "kept", "HEAD"], record.path);
    expect(await world.provider.remove(record, removal)).toEqual({});
    expect(leftovers(world)).toEqual([]);
  });

  it("are kept on somebody else's branch too, and when the directory is gone", async () => {
    const world = fixture();
    world.git(["branch", "theirs"]);
    const { record } = await made(world, { branch: "theirs" });
    const head = commitDetached(world, record.path, "One");
    world.git(["worktree", "lock", record.path]);
    rmSync(record.path, { recursive: true });
    expect(await world.provider.remove(record, removal)).toEqual(kept("theirs-detached", "1 commit"));
    expect(world.git(["rev-parse", "theirs-detached"]).trim()).toBe(head);
  });

  it("are kept once by a removal that was cut off after it", async () => {
    const world = fixture();
    const { record } = await made(world);
    const head = commitDetached(world, record.path, "One");
    world.git(["branch", "clauderon/fix-detached", head]);
    expect(await world.provider.remove(record, removal)).toEqual(kept("clauderon/fix-detached", "1 commit"));
    expect(branches(world)).toEqual(["clauderon/fix-detached"]);
  });

  it("are kept by an undo", async () => {
    const world = fixture();
    world.git(["branch", "theirs"]);
    const { record } = await made(world, { branch: "theirs" });
    const head = commitDetached(world, record.path, "One");
    await world.provider.undo(record, "session-fix");
    expect(existsSync(record.path) || world.git(["rev-parse", "theirs-detached"]).trim() === head).toBe(true);
  });
});
