import { chmodSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, fixture, leftovers, made, planned } from "./git-fixture.ts";

describe("resolve", () => {
  it.each(["with space", "new\nline", "größe-🚀", "-dash", "quo'te\"s", "co:lon"])(
    "works in a directory named %j",
    async (directory) => {
      const world = fixture({ directory });
      const { record, info } = await made(world, { from: join(world.repository, "deep") });
      expect(info).toMatchObject({ path: world.repository, branch: "main" });
      expect(await world.provider.changes(info)).toEqual({ count: 0, files: [] });
      expect(readFileSync(join(record.path, "deep", "c.txt"), "utf8")).toBe("three\n");
      world.write({ "new.txt": "x\n" }, record.path);
      expect(await world.provider.diff(record)).toContain("+x");
      await world.provider.remove(record, { sessionId: "session-fix", force: true });
      expect(leftovers(world)).toEqual([]);
    },
  );

  it("counts what no commit holds and names at most twenty", async () => {
    const world = fixture();
    world.write(Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`new-${String(index)}`, ""])));
    world.write({ "a.txt": "changed\n", "ignored.log": "" });
    const changes = await world.provider.changes(await world.provider.resolve(world.repository));
    expect(changes.count).toBe(26);
    expect(changes.files).toHaveLength(20);
    expect(changes.files[0]).toBe("a.txt");
  });

  it("takes a bare repository, a linked worktree, a file's directory, the git directory", async () => {
    const world = fixture();
    world.git(["clone", "--quiet", "--bare", world.repository, join(world.root, "bare.git")]);
    expect(await world.provider.resolve(join(world.root, "bare.git"))).toMatchObject({
      path: join(world.root, "bare.git"),
      branch: "main",
    });
    world.git(["worktree", "add", "--quiet", "-b", "other", join(world.root, "linked")]);
    expect(await world.provider.resolve(join(world.root, "linked", "deep"))).toMatchObject({
      path: join(world.root, "linked"),
      commonDirectory: join(world.repository, ".git"),
      branch: "other",
    });
    expect(await world.provider.resolve(join(world.repository, "a.txt"))).toMatchObject({ path: world.repository });
    expect(await world.provider.resolve(join(world.repository, ".git"))).toMatchObject({ path: world.repository });
  });

  it("refuses what is no repository, with a fix", async () => {
    const world = fixture();
    mkdirSync(join(world.root, "plain"));
    mkdirSync(join(world.root, "empty"));
    world.git(["init", "--quiet"], join(world.root, "empty"));
    await expect(world.provider.resolve(join(world.root, "plain"))).rejects.toEqual(errorWith("repository.not-found"));
    await expect(world.provider.resolve(join(world.root, "nowhere"))).rejects.toEqual(
      errorWith("repository.not-found"),
    );
    await expect(world.provider.resolve("/a\0b")).rejects.toEqual(errorWith("repository.not-found"));
    await expect(world.provider.resolve("")).rejects.toEqual(errorWith("repository.not-found"));
    await expect(world.provider.resolve("-x")).rejects.toEqual(errorWith("repository.not-found"));
    await expect(world.provider.resolve(join(world.root, "empty"))).rejects.toEqual(errorWith("repository.empty"));
    rmSync(world.repository, { recursive: true });
    await expect(world.provider.resolve(world.repository)).rejects.toEqual(errorWith("repository.not-found"));
  });

  it.skipIf(process.getuid?.() === 0)("says that a directory cannot be read", async () => {
    const world = fixture();
    mkdirSync(join(world.root, "closed", "inner"), { recursive: true });
    chmodSync(join(world.root, "closed"), 0);
    await expect(world.provider.resolve(join(world.root, "closed", "inner"))).rejects.toEqual(
      errorWith("repository.not-found"),
    );
    chmodSync(join(world.root, "closed"), 0o700);
  });
});

describe("plan", () => {
  it("starts from HEAD, from a base, or from an existing branch", async () => {
    const world = fixture();
    const first = world.git(["rev-parse", "HEAD"]).trim();
    world.git(["branch", "topic"]);
    world.write({ "a.txt": "later\n" });
    world.git(["commit", "--quiet", "-am", "Second"]);
    expect((await planned(world)).record).toMatchObject({
      branch: "clauderon/fix",
      isOwnBranch: true,
      base: world.git(["rev-parse", "HEAD"]).trim(),
      path: join(world.home, "worktrees", "fix"),
    });
    expect((await planned(world, { base: "HEAD~1" })).record.base).toBe(first);
    expect((await planned(world, { branch: "topic" })).record).toMatchObject({
      branch: "topic",
      isOwnBranch: false,
      base: first,
    });
  });

  it.each(["nowhere", "-x", "--upload-pack=x", "", "a b", "HEAD:a.txt"])("refuses the base %j", async (base) => {
    await expect(planned(fixture(), { base })).rejects.toEqual(errorWith("workspace.base-not-found"));
  });

  it.each(["nowhere", "-x", "", "a..b"])("refuses the branch %j", async (branch) => {
    await expect(planned(fixture(), { branch })).rejects.toEqual(errorWith("workspace.base-not-found"));
  });

  it("refuses a branch that exists, loose or packed, and names that block each other", async () => {
    const world = fixture();
    world.git(["branch", "clauderon/fix"]);
    await expect(planned(world)).rejects.toEqual(errorWith("workspace.branch-exists"));
    world.git(["pack-refs", "--all"]);
    await expect(planned(world)).rejects.toEqual(errorWith("workspace.branch-exists"));
    await expect(planned(world, { name: "other", branchPrefix: "clauderon/fix/" })).rejects.toEqual(
      errorWith("workspace.branch-exists"),
    );
    await expect(planned(world, { name: "clauderon", branchPrefix: "" })).rejects.toEqual(
      errorWith("workspace.branch-exists"),
    );
    await expect(planned(world, { branchPrefix: "a b/" })).rejects.toEqual(errorWith("workspace.base-not-found"));
  });

  it("refuses a branch that is checked out, with its place", async () => {
    const world = fixture();
    await expect(planned(world, { branch: "main" })).rejects.toEqual(
      expect.objectContaining({ code: "workspace.branch-in-use", message: expect.stringContaining(world.repository) }),
    );
  });

  it("refuses a directory that exists", async () => {
    const world = fixture();
    mkdirSync(join(world.home, "worktrees", "fix"), { recursive: true });
    await expect(planned(world)).rejects.toEqual(errorWith("workspace.exists"));
  });
});
