import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { type Fixture, fixture, leftovers, made, planned, snapshot } from "./git-fixture.ts";

/** One life of a workspace: made, read, removed, nothing left. */
async function live(world: Fixture, from: string, common: string): Promise<void> {
  const { record } = await made(world, { from });
  expect(world.git(["status", "--porcelain"], record.path)).toBe("");
  expect(await world.provider.status(record)).toMatchObject({
    exists: true,
    staged: 0,
    unstaged: 0,
    untracked: 0,
    unreachedCommits: 0,
  });
  world.write({ "a.txt": "changed\n", "new.txt": "new\n" }, record.path);
  expect(await world.provider.diff(record, { format: "names" })).toBe("a.txt\nnew.txt\n");
  world.git(["add", "."], record.path);
  world.git(["commit", "--quiet", "-m", "Work"], record.path);
  expect(await world.provider.status(record)).toMatchObject({ unreachedCommits: 1 });
  world.git(["reset", "--quiet", "--hard", record.base], record.path);
  expect(await world.provider.remove(record, { sessionId: "session-fix" })).toEqual({});
  expect(leftovers(world, common)).toEqual([]);
}

describe("a workspace of", () => {
  it("a bare repository", async () => {
    const world = fixture();
    const bare = join(world.root, "bare.git");
    world.git(["clone", "--quiet", "--bare", world.repository, bare]);
    await live(world, bare, bare);
  });

  it("a shallow clone", async () => {
    const world = fixture();
    world.git(["commit", "--quiet", "--allow-empty", "-m", "Second"]);
    const shallow = join(world.root, "shallow");
    world.git(["clone", "--quiet", "--depth=1", `file://${world.repository}`, shallow]);
    await live(world, shallow, join(shallow, ".git"));
  });

  it("a partial clone, whose files are fetched for it", async () => {
    const world = fixture();
    world.git(["config", "uploadpack.allowFilter", "true"]);
    const partial = join(world.root, "partial");
    world.git(["clone", "--quiet", "--filter=blob:none", "--no-checkout", `file://${world.repository}`, partial]);
    world.git(["read-tree", "HEAD"], partial);
    const { record } = await made(world, { from: partial });
    expect(readFileSync(join(record.path, "deep", "c.txt"), "utf8")).toBe("three\n");
  });

  it("a repository with SHA-256", async () => {
    const world = fixture({ initArgs: ["--object-format=sha256"] });
    await live(world, world.repository, join(world.repository, ".git"));
  });

  it("a submodule, and of what contains one", async () => {
    const world = fixture();
    const outer = join(world.root, "outer");
    world.git(["init", "--quiet", outer]);
    world.write({ "a.txt": "one\n" }, outer);
    world.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", world.repository, "inner"], outer);
    world.git(["add", "."], outer);
    world.git(["commit", "--quiet", "-m", "Outer"], outer);
    await live(world, join(outer, "inner"), join(outer, ".git", "modules", "inner"));
    await live(world, outer, join(outer, ".git"));
  });

  it("a sparse checkout stays sparse", async () => {
    const world = fixture();
    world.git(["sparse-checkout", "set", "--cone", "deep"]);
    world.write({ "other/d.txt": "four\n" });
    world.git(["add", "--sparse", "."]);
    world.git(["commit", "--quiet", "-m", "Second"]);
    world.git(["sparse-checkout", "reapply"]);
    const { record } = await made(world);
    expect(existsSync(join(record.path, "deep", "c.txt"))).toBe(true);
    expect(existsSync(join(record.path, "other"))).toBe(false);
    expect(await world.provider.status(record)).toMatchObject({ staged: 0, unstaged: 0, untracked: 0 });
    expect(world.git(["status", "--porcelain"], record.path)).toBe("");
  });

  it("a repository with a split index", async () => {
    const world = fixture();
    world.git(["update-index", "--split-index"]);
    await live(world, world.repository, join(world.repository, ".git"));
  });

  it("another session's worktree", async () => {
    const world = fixture();
    const first = await made(world, { name: "first" });
    world.git(["commit", "--quiet", "--allow-empty", "-m", "Ahead"], first.record.path);
    const second = await made(world, { name: "second", from: first.record.path });
    expect(second.record.base).toBe(world.git(["rev-parse", "clauderon/first"]).trim());
    expect(second.record.commonDirectory).toBe(first.record.commonDirectory);
  });

  it("line endings as the user has set them", async () => {
    const world = fixture();
    world.git(["config", "--global", "core.autocrlf", "true"]);
    const { record } = await made(world);
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toBe("one\r\n");
    expect(await world.provider.status(record)).toMatchObject({ unstaged: 0 });
  });

  it("a filter of the user's own runs, and an ignore file of the user's own counts", async () => {
    const world = fixture();
    world.git(["config", "--global", "filter.upper.smudge", "tr a-z A-Z"]);
    writeFileSync(join(world.root, "user", "ignore"), "*.mine\n");
    world.git(["config", "--global", "core.excludesFile", "~/ignore"]);
    world.write({ ".gitattributes": "b.txt filter=upper\n" });
    world.git(["add", ".gitattributes"]);
    world.git(["commit", "--quiet", "-m", "Filter"]);
    const { record } = await made(world);
    expect(readFileSync(join(record.path, "b.txt"), "utf8")).toBe("TWO\n");
    world.write({ "x.mine": "" }, record.path);
    expect(await world.provider.status(record)).toMatchObject({ untracked: 0 });
  });
});

describe("a repository by address", () => {
  it("is cloned once, brought up to date by the next call, and makes workspaces", async () => {
    const world = fixture();
    const url = `file://${world.repository}`;
    const [first, same] = await Promise.all([world.provider.resolve(url), world.provider.resolve(url)]);
    expect(first).toEqual(same);
    expect(first).toMatchObject({
      branch: "main",
      head: world.git(["rev-parse", "HEAD"]).trim(),
    });
    expect(await world.provider.changes(first)).toEqual({ count: 0, files: [] });
    world.git(["commit", "--quiet", "--allow-empty", "-m", "Second"]);
    const { record } = await made(world, { from: url });
    expect(record.base).toBe(world.git(["rev-parse", "HEAD"]).trim());
    expect(await world.provider.resolve(record.repositoryPath)).toMatchObject({ path: first.path, head: record.base });
    expect((await planned(world, { from: url, name: "other", base: "main" })).record.base).toBe(record.base);
    expect(readdirSync(join(world.home, "repositories"))).toHaveLength(1);
    expect(await world.provider.remove(record, { sessionId: "session-fix" })).toEqual({});
    expect(leftovers(world, first.path)).toEqual([]);
  });

  it("that is interrupted leaves nothing half", async () => {
    const world = fixture();
    const url = `file://${world.repository}`;
    await expect(world.provider.resolve(url, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
    mkdirSync(join(world.home, "repositories"), { recursive: true });
    await world.provider.resolve(url);
    const [name = ""] = readdirSync(join(world.home, "repositories"));
    const before = snapshot(join(world.home, "repositories", name), false);
    mkdirSync(join(world.home, "repositories", `.${name.replace(/\.git$/u, "")}-x.partial`));
    await world.provider.resolve(url);
    expect(Object.keys(snapshot(join(world.home, "repositories", name), false))).toEqual(Object.keys(before));
  });

  it("that cannot be read or is empty says so and leaves nothing", async () => {
    const world = fixture();
    const empty = join(world.root, "empty");
    mkdirSync(empty);
    world.git(["init", "--quiet"], empty);
    await expect(world.provider.resolve(`file://${world.root}/nowhere`)).rejects.toMatchObject({
      code: "repository.not-found",
    });
    await expect(world.provider.resolve(`file://${empty}`)).rejects.toMatchObject({ code: "repository.empty" });
    expect(readdirSync(join(world.home, "repositories"))).toEqual([]);
  });
});

describe("many at once", () => {
  it("twenty workspaces of one repository", async () => {
    const world = fixture();
    const names = Array.from({ length: 20 }, (_, index) => `s${String(index)}`);
    const all = await Promise.all(names.map((name) => made(world, { name })));
    for (const { record } of all)
      expect(await world.provider.status(record)).toMatchObject({ exists: true, staged: 0, unstaged: 0, untracked: 0 });
    expect((await Array.fromAsync(world.provider.list())).map(({ name }) => name).sort()).toEqual(names.sort());
    await Promise.all(
      all.map(({ record, request }) => world.provider.remove(record, { sessionId: request.sessionId })),
    );
    expect(leftovers(world)).toEqual([]);
    expect(world.git(["fsck"])).toBe("");
  }, 120_000);
});
