import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith } from "./git-fixture.ts";
import { ID, resultsOf, resultWorld } from "./result-world.ts";

describe("merge into another branch", () => {
  it("moves it alone when it is checked out nowhere, and back", async () => {
    const world = await resultWorld();
    world.git(["branch", "release"]);
    world.write({ "mine.txt": "dirty\n", "a.txt": "dirty\n" });
    const tip = world.commit({ "a.txt": "session\n" });
    const before = world.everything();
    const { checkout, after } = await world.merge({ into: "release" });
    expect([checkout, after, world.tip("release"), world.tip()]).toEqual([undefined, tip, tip, world.record.base]);
    expect(world.read("a.txt")).toBe("dirty\n");
    await world.takeBack();
    expect(world.everything()).toEqual(before);
  });

  it.each([
    ["nowhere", "workspace.base-not-found"],
    ["main~1", "workspace.base-not-found"],
    ["--force", "workspace.base-not-found"],
    ["HEAD", "workspace.base-not-found"],
    ["unborn", "workspace.base-not-found"],
    ["elsewhere", "workspace.branch-in-use"],
    ["rebased", "workspace.branch-in-use"],
    ["clauderon/fix", "merge.refused"],
  ])("%j is refused: %s", async (into, code) => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    world.git(["worktree", "add", "--quiet", "-b", "elsewhere", join(world.root, "else")]);
    world.git(["worktree", "add", "--quiet", "-b", "rebased", join(world.root, "rebased")]);
    const there = join(world.root, "rebased");
    world.write({ "a.txt": "x\n" }, there);
    world.git(["commit", "--quiet", "--all", "-m", "X"], there);
    world.write({ "a.txt": "y\n" }, join(world.root, "else"));
    world.git(["commit", "--quiet", "--all", "-m", "Y"], join(world.root, "else"));
    expect(() => world.git(["rebase", "--quiet", "elsewhere"], there)).toThrow("Command failed");
    const before = world.everything();
    await expect(world.merge({ into })).rejects.toEqual(errorWith(code));
    expect(world.everything()).toEqual(before);
  });

  it("a checkout without a branch, or on one without a commit, is refused", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    world.git(["switch", "--quiet", "--detach"]);
    await expect(world.merge()).rejects.toEqual(errorWith("merge.refused"));
    expect((await world.merge({ into: "main" })).checkout).toBeUndefined();
    world.git(["switch", "--quiet", "--orphan", "unborn"]);
    await expect(world.merge({}, "33333333-6c3d-4a52-9d0e-6a9e3a1f7d11")).rejects.toEqual(
      errorWith("repository.empty"),
    );
  });
});

describe("merge of a session that is not whole", () => {
  it("refuses work that is not committed, or leaves it when told to", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    world.write({ "more.txt": "x\n" }, world.record.path);
    await expect(world.merge()).rejects.toMatchObject({
      code: "merge.refused",
      why: expect.stringContaining("more.txt"),
      fix: [
        expect.any(String),
        expect.stringContaining("clauderon apply fix"),
        expect.stringContaining("--committed-only"),
      ],
    });
    expect(world.tip()).toBe(world.record.base);
    expect((await world.merge({ isCommittedOnly: true })).files).toEqual(["a.txt"]);
    expect(existsSync(join(world.record.path, "more.txt"))).toBe(true);
  });

  it("refuses a deleted or moved branch and says how to put it back", async () => {
    const world = await resultWorld();
    const tip = world.commit({ "a.txt": "session\n" });
    const run = (fix: string): void => {
      const words = [...fix.replace(/^[^:]*: git /u, "").matchAll(/'([^']*)'|(\S+)/gu)].map(
        ([, quoted, plain]) => quoted ?? plain ?? "",
      );
      world.git(words);
    };
    const fixOf = async (): Promise<string> => {
      const error: unknown = await world.merge().catch((cause: unknown) => cause);
      expect(error).toEqual(errorWith("merge.refused"));
      return (error as { readonly fix: readonly string[] }).fix[0] ?? "";
    };
    world.git(["update-ref", "-d", "refs/heads/clauderon/fix"]);
    run(await fixOf());
    expect(world.tip("clauderon/fix")).toBe(tip);
    world.git(["update-ref", "refs/heads/clauderon/fix", "main"]);
    run(await fixOf());
    expect((await world.merge()).after).toBe(tip);
  });

  it("refuses what is in the middle of a rebase, is gone, or is in another repository", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    world.write({ "a.txt": "mine\n" });
    world.git(["commit", "--quiet", "--all", "-m", "Mine"]);
    expect(() => world.git(["rebase", "main"], world.record.path)).toThrow("Command failed");
    await expect(world.merge()).rejects.toMatchObject({
      code: "merge.refused",
      message: expect.stringContaining("rebase"),
    });
    await expect(world.apply()).rejects.toMatchObject({ code: "merge.refused" });
    world.git(["rebase", "--abort"], world.record.path);
    const before = world.everything();
    renameSync(world.record.path, `${world.record.path}-away`);
    await expect(world.merge()).rejects.toEqual(errorWith("workspace.missing"));
    await expect(world.apply()).rejects.toEqual(errorWith("workspace.missing"));
    renameSync(`${world.record.path}-away`, world.record.path);
    expect(world.everything()).toEqual(before);
    renameSync(world.repository, `${world.repository}-away`);
    await expect(world.merge()).rejects.toEqual(errorWith("repository.not-found"));
  });

  it("reads a workspace that cannot be written", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    chmodSync(world.record.path, 0o555);
    try {
      expect((await world.merge()).files).toEqual(["a.txt"]);
    } finally {
      chmodSync(world.record.path, 0o755);
    }
  });

  it("says that git is missing", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    const before = world.everything();
    const provider = world.providerWith({ environment: { ...world.environment, PATH: "/nonexistent" } });
    await expect(resultsOf(world, world.record, provider).merge()).rejects.toEqual(errorWith("command.not-found"));
    expect(world.everything()).toEqual(before);
  });
});

describe("undo of a merge", () => {
  it("is refused when the branch has moved on, and says how else", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    await world.merge({ how: "no-ff" });
    world.write({ "b.txt": "more\n" });
    world.git(["commit", "--quiet", "--all", "-m", "More"]);
    const before = world.everything();
    await expect(world.takeBack()).rejects.toMatchObject({
      code: "merge.refused",
      fix: [expect.stringContaining("revert -m 1"), expect.stringContaining("undo drop")],
    });
    expect(world.everything()).toEqual(before);
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    await world.takeBack();
    expect([world.tip(), world.status()]).toEqual([world.record.base, ""]);
  });

  it("is refused over changed and staged files", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    await world.merge();
    world.write({ "a.txt": "mine\n" });
    await expect(world.takeBack()).rejects.toMatchObject({ code: "merge.refused", context: { files: ["a.txt"] } });
    world.git(["add", "a.txt"]);
    world.write({ "a.txt": "session\n" });
    await expect(world.takeBack()).rejects.toMatchObject({ code: "merge.refused", context: { files: ["a.txt"] } });
    expect(world.git(["show", ":a.txt"])).toBe("mine\n");
    world.git(["reset", "--quiet"]);
    await world.takeBack();
    expect(world.status()).toBe("");
  });

  it("follows the branch: not checked out any more it moves alone, checked out elsewhere it is refused", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    await world.merge();
    world.git(["switch", "--quiet", "--create", "other"]);
    world.git(["worktree", "add", "--quiet", join(world.root, "else"), "main"]);
    await expect(world.takeBack()).rejects.toEqual(errorWith("workspace.branch-in-use"));
    world.git(["worktree", "remove", join(world.root, "else")]);
    await world.takeBack();
    expect([world.tip(), world.read("a.txt"), world.status()]).toEqual([world.record.base, "session\n", ""]);
  });

  it("waits for another git and loses nothing", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    const lock = join(world.repository, ".git", "index.lock");
    writeFileSync(lock, "");
    const before = world.everything();
    await expect(world.merge()).rejects.toMatchObject({
      code: "merge.refused",
      why: expect.stringContaining("index.lock"),
    });
    expect([world.everything(), readFileSync(lock, "utf8")]).toEqual([before, ""]);
    expect(await world.provider.results.list()).toEqual([]);
    rmSync(lock);
    await world.merge();
    writeFileSync(lock, "");
    await expect(world.takeBack()).rejects.toEqual(errorWith("merge.refused"));
    expect((await world.provider.results.list()).map(({ id }) => id)).toEqual([ID]);
    rmSync(lock);
    await world.takeBack();
    expect(world.tip()).toBe(world.record.base);
  });

  it("of a repository that is gone says where the files are", async () => {
    const world = await resultWorld();
    world.commit({ "a.txt": "session\n" });
    await world.merge();
    renameSync(world.repository, `${world.repository}-away`);
    await expect(world.takeBack()).rejects.toEqual(errorWith("repository.not-found"));
    renameSync(`${world.repository}-away`, world.repository);
    await world.takeBack();
    expect(world.read("a.txt")).toBe("one\n");
  });
});
