import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, fixture, leftovers, made, planned, snapshot, watchedRunner } from "./git-fixture.ts";

describe("create", () => {
  it("makes a worktree on a branch of its own and leaves the repository's files and configuration alone", async () => {
    const world = fixture();
    world.write({ "a.txt": "changed\n", "b.txt": "staged\n", "new.txt": "" });
    world.git(["add", "b.txt"]);
    const before = snapshot(world.repository);
    const { record } = await made(world);
    const after = snapshot(world.repository);
    const isExpected = (name: string): boolean =>
      /^\/\.git\/(?:worktrees|(?:logs\/)?refs\/heads\/clauderon)\//u.test(name);
    expect(Object.fromEntries(Object.entries(after).filter(([name]) => !isExpected(name)))).toEqual(before);
    expect(world.git(["status", "--porcelain"], record.path)).toBe("");
    expect(world.git(["symbolic-ref", "HEAD"], record.path)).toBe("refs/heads/clauderon/fix\n");
    expect(await world.provider.status(record)).toEqual({
      exists: true,
      staged: 0,
      unstaged: 0,
      untracked: 0,
      unreachedCommits: 0,
      files: [],
    });
    expect(world.git(["fsck"])).toBe("");
  });

  it("does it with two processes besides git worktree add", async () => {
    const world = fixture();
    const commands: string[] = [];
    const provider = world.providerWith({
      runner: watchedRunner((args) => commands.push(args.find((argument) => /^[a-z][a-z-]+$/u.test(argument)) ?? "")),
    });
    await made(world, { name: "warm", provider });
    commands.length = 0;
    await made(world, { provider });
    expect(commands.toSorted()).toEqual(["read-tree", "rev-parse", "worktree"]);
  });

  it("is idempotent by session", async () => {
    const world = fixture();
    const { request, record } = await made(world);
    world.write({ "work.txt": "kept\n" }, record.path);
    await world.provider.create(request, record);
    expect(await world.provider.plan(request)).toEqual(record);
    expect(existsSync(join(record.path, "work.txt"))).toBe(true);
    await expect(planned(world, { sessionId: "another" })).rejects.toEqual(errorWith("workspace.exists"));
  });

  it("makes a vanished worktree again, on the branch with its commits", async () => {
    const world = fixture();
    const { request, record } = await made(world);
    world.write({ "work.txt": "kept\n" }, record.path);
    world.git(["add", "."], record.path);
    world.git(["commit", "--quiet", "-m", "Work"], record.path);
    rmSync(record.path, { recursive: true });
    expect(await world.provider.status(record)).toMatchObject({ exists: false, unreachedCommits: 1 });
    await world.provider.create(request, record);
    expect(readFileSync(join(record.path, "work.txt"), "utf8")).toBe("kept\n");
  });

  it("leaves a foreign branch and directory alone that came between plan and create", async () => {
    const world = fixture();
    const plan = await planned(world);
    world.git(["branch", "clauderon/fix"]);
    await expect(world.provider.create(plan.request, plan.record)).rejects.toEqual(
      errorWith("workspace.branch-exists"),
    );
    expect(world.git(["branch", "--list", "clauderon/fix"])).toContain("clauderon/fix");
    world.git(["branch", "-D", "clauderon/fix"]);
    mkdirSync(plan.record.path);
    await expect(world.provider.create(plan.request, plan.record)).rejects.toEqual(errorWith("workspace.exists"));
    expect(existsSync(plan.record.path)).toBe(true);
    await world.provider.undo(plan.record, "session-fix");
    expect(existsSync(plan.record.path)).toBe(true);
  });

  it("leaves nothing after an abort at any command", async () => {
    const world = fixture();
    for (const stopAt of ["worktree", "read-tree"]) {
      const controller = new AbortController();
      const provider = world.providerWith({
        runner: watchedRunner((args) => {
          if (args.includes(stopAt)) queueMicrotask(() => controller.abort(new Error("enough")));
        }),
      });
      const plan = await planned(world, { provider });
      await expect(provider.create(plan.request, plan.record, { signal: controller.signal })).rejects.toThrow("enough");
      expect(leftovers(world)).toEqual([]);
    }
  });

  it.each([undefined, "topic"])(
    "writes an index that fits its place, whatever the user has set for indexes (branch %s)",
    async (branch) => {
      const world = fixture();
      world.git(["branch", "topic"]);
      const settings = "[core]\n\tsplitIndex = true\n\tuntrackedCache = true\n[index]\n\tversion = 4\n";
      appendFileSync(join(world.root, "user", ".gitconfig"), settings);
      const { record } = await made(world, branch === undefined ? {} : { branch });
      const status = spawnSync("git", ["status", "--porcelain"], {
        cwd: record.path,
        env: world.environment,
        encoding: "utf8",
      });
      expect(status).toMatchObject({ status: 0, stdout: "", stderr: "" });
      // Nothing is to be looked at again: the index knows the files as they lie there.
      expect(world.git(["diff-files", "--name-only"], record.path)).toBe("");
      world.write({ "a.txt": "changed\n" }, record.path);
      world.git(["commit", "--quiet", "-am", "Work"], record.path);
      expect(world.git(["show", "--format=", "--name-only", "HEAD"], record.path)).toBe("a.txt\n");
    },
  );

  it("works on an existing branch and keeps it", async () => {
    const world = fixture();
    world.git(["branch", "topic"]);
    const { record } = await made(world, { branch: "topic" });
    expect(world.git(["branch", "--show-current"], record.path)).toBe("topic\n");
    expect(await world.provider.remove(record, { sessionId: "session-fix" })).toEqual({});
    expect(world.git(["branch", "--list", "topic"])).toContain("topic");
    expect(leftovers(world)).toEqual([]);
  });
});
