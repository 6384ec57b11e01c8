import { existsSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, fixture, leftovers, made, planned, snapshot } from "./git-fixture.ts";

describe("remove", () => {
  it("refuses uncommitted work and takes it with force", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.write({ "work.txt": "" }, record.path);
    await expect(world.provider.remove(record, { sessionId: "session-fix" })).rejects.toEqual(
      errorWith("workspace.exists"),
    );
    expect(existsSync(join(record.path, "work.txt"))).toBe(true);
    expect(await world.provider.remove(record, { sessionId: "session-fix", force: true })).toEqual({});
    expect(leftovers(world)).toEqual([]);
    expect(await world.provider.remove(record, { sessionId: "session-fix", force: true })).toEqual({});
  });

  it("keeps a branch with commits that no other ref reaches, even with force", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.git(["commit", "--quiet", "--allow-empty", "-m", "Work"], record.path);
    const removal = await world.provider.remove(record, { sessionId: "session-fix", force: true });
    expect(removal.keptBranch).toEqual({ name: "clauderon/fix", reason: expect.stringContaining("last commit") });
    expect(world.git(["log", "--format=%s", "-1", "clauderon/fix"])).toBe("Work\n");
    expect(existsSync(record.path)).toBe(false);
  });

  it("deletes a branch whose commits a tag, a branch or a remote branch reaches", async () => {
    const world = fixture();
    for (const ref of ["refs/tags/t", "refs/heads/h", "refs/remotes/origin/r"]) {
      const { record } = await made(world);
      world.git(["commit", "--quiet", "--allow-empty", "-m", ref], record.path);
      world.git(["update-ref", ref, "HEAD"], record.path);
      expect(await world.provider.remove(record, { sessionId: "session-fix" })).toEqual({});
      expect(leftovers(world)).toEqual([]);
    }
  });

  it("keeps what it is told to", async () => {
    const world = fixture();
    const first = await made(world, { name: "first" });
    expect(await world.provider.remove(first.record, { sessionId: "session-first", keepBranch: true })).toMatchObject({
      keptBranch: { name: "clauderon/first" },
    });
    const second = await made(world, { name: "second" });
    world.write({ "work.txt": "" }, second.record.path);
    expect(
      await world.provider.remove(second.record, { sessionId: "session-second", keepWorktree: true }),
    ).toMatchObject({ keptWorktree: second.record.path, keptBranch: { name: "clauderon/second" } });
    expect(existsSync(join(second.record.path, "work.txt"))).toBe(true);
    expect(await Array.fromAsync(world.provider.list())).toEqual([]);
    expect(await world.provider.remove(second.record, { sessionId: "session-second", force: true })).toMatchObject({
      keptWorktree: second.record.path,
    });
  });

  it("finishes from every half state", async () => {
    const world = fixture();
    const halves: Record<string, (path: string) => void> = {
      "directory gone": (path) => rmSync(path, { recursive: true }),
      "entry gone": () => rmSync(join(world.repository, ".git", "worktrees"), { recursive: true }),
      both: (path) => {
        rmSync(path, { recursive: true });
        rmSync(join(world.repository, ".git", "worktrees"), { recursive: true });
      },
      "branch gone": () => world.git(["update-ref", "-d", "refs/heads/clauderon/fix"]),
      ".git file gone": (path) => rmSync(join(path, ".git")),
      "being removed": (path) => renameSync(path, join(world.home, "worktrees", ".removing-x")),
    };
    for (const breakIt of Object.values(halves)) {
      const { record } = await made(world);
      breakIt(record.path);
      expect(await world.provider.remove(record, { sessionId: "session-fix", force: true })).toEqual({});
      rmSync(join(world.home, "worktrees", ".removing-x"), { recursive: true, force: true });
      expect(leftovers(world)).toEqual([]);
    }
  });

  it("leaves a locked worktree, unless forced", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.git(["worktree", "lock", "--reason", "mine", record.path]);
    await expect(world.provider.remove(record, { sessionId: "session-fix" })).rejects.toEqual(
      expect.objectContaining({ code: "workspace.exists", why: "it is locked: mine" }),
    );
    expect(await world.provider.remove(record, { sessionId: "session-fix", force: true })).toEqual({});
    expect(leftovers(world)).toEqual([]);
  });

  it("leaves a worktree that the user has moved away", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.git(["worktree", "move", record.path, join(world.root, "mine")]);
    expect(await world.provider.remove(record, { sessionId: "session-fix", force: true })).toMatchObject({
      keptWorktree: join(world.root, "mine"),
    });
    expect(existsSync(join(world.root, "mine", "a.txt"))).toBe(true);
  });

  it("works when the repository is gone", async () => {
    const world = fixture();
    const { record } = await made(world);
    rmSync(world.repository, { recursive: true });
    await expect(world.provider.remove(record, { sessionId: "session-fix" })).rejects.toEqual(
      errorWith("workspace.exists"),
    );
    expect(await world.provider.remove(record, { sessionId: "session-fix", force: true })).toEqual({});
    expect(existsSync(record.path)).toBe(false);
    expect(await Array.fromAsync(world.provider.list())).toEqual([]);
  });

  it("touches only its own entry", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.git(["worktree", "add", "--quiet", "-b", "other", join(world.root, "linked")]);
    rmSync(join(world.root, "linked"), { recursive: true });
    const entry = snapshot(join(world.repository, ".git", "worktrees", "linked"));
    await world.provider.remove(record, { sessionId: "session-fix" });
    expect(snapshot(join(world.repository, ".git", "worktrees", "linked"))).toEqual(entry);
  });
});

describe("undo and list", () => {
  it("undo leaves work where it is, and list goes on showing it", async () => {
    const world = fixture();
    const { record } = await made(world, { withChanges: true });
    world.write({ "work.txt": "precious\n" }, record.path);
    await world.provider.undo(record, "session-fix");
    expect(readFileSync(join(record.path, "work.txt"), "utf8")).toBe("precious\n");
    expect(await Array.fromAsync(world.provider.list())).toEqual([
      { sessionId: "session-fix", name: "fix", record, exists: true },
    ]);
    rmSync(join(record.path, "work.txt"));
    world.git(["commit", "--quiet", "--allow-empty", "-m", "Work"], record.path);
    await world.provider.undo(record, "session-fix");
    expect(existsSync(record.path)).toBe(true);
  });

  it("list shows this home's alone, also when the claim was lost", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.git(["worktree", "add", "--quiet", "-b", "other", join(world.home, "worktrees", "foreign")]);
    rmSync(join(world.home, "state"), { recursive: true });
    expect(await Array.fromAsync(world.provider.list())).toEqual([
      { sessionId: "session-fix", name: "fix", record, exists: true },
    ]);
    expect(await Array.fromAsync(world.providerWith({ instanceId: "another" }).list())).toEqual([]);
    expect(
      await world.providerWith({ instanceId: "another" }).remove(record, { sessionId: "session-fix", force: true }),
    ).toMatchObject({ keptWorktree: record.path });
    expect(statSync(record.path).isDirectory()).toBe(true);
    expect(await world.provider.remove(record, { sessionId: "session-fix", force: true })).toEqual({});
  });

  it("undo of a plan that was never made does nothing", async () => {
    const world = fixture();
    const { record } = await planned(world);
    await world.provider.undo(record, "session-fix");
    expect(leftovers(world)).toEqual([]);
  });
});
