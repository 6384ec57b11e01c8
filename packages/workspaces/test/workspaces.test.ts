import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { fixture, leftovers, made, planned, snapshot, watchedRunner } from "./git-fixture.ts";

const code = (wanted: string): unknown =>
  expect.objectContaining({ code: wanted, fix: expect.arrayContaining([expect.any(String)]) });

describe("resolve", () => {
  it.each(["with space", "new\nline", "größe-🚀", "-dash", "quo'te\"s", "co:lon"])(
    "works in a directory named %j",
    async (directory) => {
      const world = fixture({ directory });
      const { record, info } = await made(world, { from: join(world.repository, "deep") });
      expect(info).toMatchObject({ path: world.repository, branch: "main", uncommitted: { count: 0, files: [] } });
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
    const { uncommitted } = await world.provider.resolve(world.repository);
    expect(uncommitted.count).toBe(26);
    expect(uncommitted.files).toHaveLength(20);
    expect(uncommitted.files[0]).toBe("a.txt");
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
    await expect(world.provider.resolve(join(world.root, "plain"))).rejects.toEqual(code("repository.not-found"));
    await expect(world.provider.resolve(join(world.root, "nowhere"))).rejects.toEqual(code("repository.not-found"));
    await expect(world.provider.resolve("/a\0b")).rejects.toEqual(code("repository.not-found"));
    await expect(world.provider.resolve("")).rejects.toEqual(code("repository.not-found"));
    await expect(world.provider.resolve("-x")).rejects.toEqual(code("repository.not-found"));
    await expect(world.provider.resolve(join(world.root, "empty"))).rejects.toEqual(code("repository.empty"));
    rmSync(world.repository, { recursive: true });
    await expect(world.provider.resolve(world.repository)).rejects.toEqual(code("repository.not-found"));
  });

  it.skipIf(process.getuid?.() === 0)("says that a directory cannot be read", async () => {
    const world = fixture();
    mkdirSync(join(world.root, "closed", "inner"), { recursive: true });
    chmodSync(join(world.root, "closed"), 0);
    await expect(world.provider.resolve(join(world.root, "closed", "inner"))).rejects.toEqual(
      code("repository.not-found"),
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
    await expect(planned(fixture(), { base })).rejects.toEqual(code("workspace.base-not-found"));
  });

  it.each(["nowhere", "-x", "", "a..b"])("refuses the branch %j", async (branch) => {
    await expect(planned(fixture(), { branch })).rejects.toEqual(code("workspace.base-not-found"));
  });

  it("refuses a branch that exists, loose or packed, and names that block each other", async () => {
    const world = fixture();
    world.git(["branch", "clauderon/fix"]);
    await expect(planned(world)).rejects.toEqual(code("workspace.branch-exists"));
    world.git(["pack-refs", "--all"]);
    await expect(planned(world)).rejects.toEqual(code("workspace.branch-exists"));
    await expect(planned(world, { name: "other", branchPrefix: "clauderon/fix/" })).rejects.toEqual(
      code("workspace.branch-exists"),
    );
    await expect(planned(world, { name: "clauderon", branchPrefix: "" })).rejects.toEqual(
      code("workspace.branch-exists"),
    );
    await expect(planned(world, { branchPrefix: "a b/" })).rejects.toEqual(code("workspace.base-not-found"));
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
    await expect(planned(world)).rejects.toEqual(code("workspace.exists"));
  });
});

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

  it("does it with three processes besides git worktree add", async () => {
    const world = fixture();
    await made(world, { name: "warm" });
    const commands: string[] = [];
    const provider = world.providerWith({
      runner: watchedRunner((args) => commands.push(args.find((argument) => /^[a-z][a-z-]+$/u.test(argument)) ?? "")),
    });
    await provider.resolve(world.repository);
    commands.length = 0;
    await made(world, { provider });
    expect(commands).toEqual(["rev-parse", "status", "worktree", "read-tree"]);
  });

  it("is idempotent by session", async () => {
    const world = fixture();
    const { request, record } = await made(world);
    world.write({ "work.txt": "kept\n" }, record.path);
    await world.provider.create(request, record);
    expect(await world.provider.plan(request)).toEqual(record);
    expect(existsSync(join(record.path, "work.txt"))).toBe(true);
    await expect(planned(world, { sessionId: "another" })).rejects.toEqual(code("workspace.exists"));
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
    await expect(world.provider.create(plan.request, plan.record)).rejects.toEqual(code("workspace.branch-exists"));
    expect(world.git(["branch", "--list", "clauderon/fix"])).toContain("clauderon/fix");
    world.git(["branch", "-D", "clauderon/fix"]);
    mkdirSync(plan.record.path);
    await expect(world.provider.create(plan.request, plan.record)).rejects.toEqual(code("workspace.exists"));
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

describe("carrying changes over", () => {
  it("keeps staged, unstaged and untracked apart and touches nothing of the user's", async () => {
    const world = fixture();
    world.write({
      "gone.txt": "x",
      "gone-staged.txt": "x",
      "mode.sh": "x",
      "both.txt": "1\n",
      "kind/file.txt": "x",
      "to-link": "x",
    });
    symlinkSync("a.txt", join(world.repository, "link"));
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "More"]);
    world.write({ "staged.txt": "staged\n", "both.txt": "2\n" });
    world.git(["add", "staged.txt", "both.txt"]);
    world.write({
      "both.txt": "3\n",
      "a.txt": "unstaged\n",
      "new dir/ün\nusual.txt": "untracked\n",
      "ignored.log": "no",
    });
    writeFileSync(join(world.repository, "binary"), Buffer.from([0, 255, 1, 254]));
    writeFileSync(Buffer.concat([Buffer.from(`${world.repository}/`), Buffer.from([0xff, 0xfe])]), "not utf-8");
    rmSync(join(world.repository, "gone.txt"));
    world.git(["rm", "--quiet", "gone-staged.txt"]);
    chmodSync(join(world.repository, "mode.sh"), 0o755);
    rmSync(join(world.repository, "link"));
    symlinkSync("b.txt", join(world.repository, "link"));
    rmSync(join(world.repository, "kind"), { recursive: true });
    world.write({ kind: "a file now" });
    rmSync(join(world.repository, "to-link"));
    symlinkSync("nowhere", join(world.repository, "to-link"));
    world.write({ "intent.txt": "later\n" });
    world.git(["add", "--intent-to-add", "intent.txt"]);
    const expected = world.git(["status", "--porcelain"]).replace(" A intent.txt\n", "");
    const before = snapshot(join(world.repository, ".git"));
    const tree = snapshot(world.repository);
    delete tree["/ignored.log"];

    const { record, info } = await made(world, { withChanges: true });
    const status = world.git(["status", "--porcelain"], record.path);
    expect(status.replace("?? intent.txt\n", "")).toBe(expected);
    expect(info.uncommitted.count).toBe(expected.trim().split("\n").length + 1);
    const copied = snapshot(record.path, false);
    for (const [name, content] of Object.entries(snapshot(world.repository, false))) {
      if (!name.startsWith("/.git/") && name !== "/ignored.log" && name !== "/")
        expect([name, copied[name]]).toEqual([name, content]);
    }
    expect(existsSync(join(record.path, "ignored.log"))).toBe(false);
    expect(world.git(["show", ":both.txt"], record.path)).toBe("2\n");
    expect(readlinkSync(join(record.path, "link"))).toBe("b.txt");
    expect(lstatSync(join(record.path, "mode.sh")).mode & 0o111).not.toBe(0);
    const after = snapshot(join(world.repository, ".git"));
    const isExpected = (name: string): boolean => /^\/(?:worktrees|(?:logs\/)?refs\/heads\/clauderon)\//u.test(name);
    expect(Object.fromEntries(Object.entries(after).filter(([name]) => !isExpected(name)))).toEqual(before);

    await world.provider.undo(record, "session-fix");
    expect(leftovers(world)).toEqual([]);
  });

  it("takes them from the linked worktree the user stands in", async () => {
    const world = fixture();
    world.git(["worktree", "add", "--quiet", "-b", "other", join(world.root, "linked")]);
    world.write({ "a.txt": "in the linked one\n" }, join(world.root, "linked"));
    const { record } = await made(world, { withChanges: true, from: join(world.root, "linked") });
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toBe("in the linked one\n");
  });

  it("refuses when the base has another version of a changed file, and leaves nothing", async () => {
    const world = fixture();
    world.write({ "a.txt": "second\n" });
    world.git(["commit", "--quiet", "-am", "Second"]);
    world.write({ "b.txt": "mine\n" });
    const { record } = await made(world, { withChanges: true, base: "HEAD~1", name: "works" });
    expect(readFileSync(join(record.path, "b.txt"), "utf8")).toBe("mine\n");
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toBe("one\n");
    await world.provider.undo(record, "session-works");
    world.write({ "a.txt": "mine\n" });
    await expect(made(world, { withChanges: true, base: "HEAD~1" })).rejects.toEqual(code("repository.failed"));
    expect(leftovers(world)).toEqual([]);
  });

  it("brings a conflicted file as it lies there", async () => {
    const world = fixture();
    world.git(["switch", "--quiet", "-c", "side"]);
    world.write({ "a.txt": "side\n" });
    world.git(["commit", "--quiet", "-am", "Side"]);
    world.git(["switch", "--quiet", "main"]);
    world.write({ "a.txt": "main\n" });
    world.git(["commit", "--quiet", "-am", "Main"]);
    expect(() => world.git(["merge", "side"])).toThrow("Command failed");
    const { record } = await made(world, { withChanges: true });
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toContain("<<<<<<<");
  });
});

describe("status and diff", () => {
  it("show commits, staged, unstaged and untracked, and write nothing", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.write({ "committed.txt": "1\n" }, record.path);
    world.git(["add", "."], record.path);
    world.git(["commit", "--quiet", "-m", "Work"], record.path);
    world.write(
      {
        "staged.txt": "2\n",
        "a.txt": "unstaged\n",
        "new/untracked.txt": "3\n",
        "ignored.log": "4\n",
        "ünï code": "5\n",
      },
      record.path,
    );
    rmSync(join(record.path, "b.txt"));
    world.git(["add", "staged.txt"], record.path);
    const before = [snapshot(join(world.repository, ".git")), snapshot(record.path)];
    expect(await world.provider.status(record)).toEqual({
      exists: true,
      staged: 1,
      unstaged: 2,
      untracked: 2,
      unreachedCommits: 1,
      files: ["a.txt", "b.txt", "staged.txt", "new/untracked.txt", "ünï code"],
    });
    expect((await world.provider.diff(record, { format: "names" })).split("\n")).toEqual([
      "a.txt",
      "b.txt",
      "committed.txt",
      "new/untracked.txt",
      "staged.txt",
      "ünï code",
      "",
    ]);
    expect(await world.provider.diff(record, { format: "stat" })).toContain(
      "6 files changed, 5 insertions(+), 2 deletions(-)",
    );
    const patch = await world.provider.diff(record);
    for (const line of ["+1", "+2", "+3", "+unstaged", "-one", "-two", "+5"]) expect(patch.split("\n")).toContain(line);
    expect(await world.provider.diff(record, { base: "HEAD", format: "names" })).not.toContain("committed.txt");
    await expect(world.provider.diff(record, { base: "-x" })).rejects.toEqual(code("workspace.base-not-found"));
    expect([snapshot(join(world.repository, ".git")), snapshot(record.path)]).toEqual(before);
  });

  it("count commits of a detached HEAD and of the branch, unless another ref reaches them", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.git(["switch", "--quiet", "--detach"], record.path);
    world.git(["commit", "--quiet", "--allow-empty", "-m", "Adrift"], record.path);
    expect(await world.provider.status(record)).toMatchObject({ unreachedCommits: 1 });
    world.git(["tag", "anchor"], record.path);
    expect(await world.provider.status(record)).toMatchObject({ unreachedCommits: 0 });
  });

  it("tell a workspace that is gone", async () => {
    const world = fixture();
    const { record } = await made(world);
    rmSync(record.path, { recursive: true });
    expect(await world.provider.status(record)).toMatchObject({ exists: false });
    await expect(world.provider.diff(record)).rejects.toEqual(code("workspace.missing"));
    rmSync(world.repository, { recursive: true });
    expect(await world.provider.status(record)).toMatchObject({ exists: false, unreachedCommits: 0 });
  });
});

describe("remove", () => {
  it("refuses uncommitted work and takes it with force", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.write({ "work.txt": "" }, record.path);
    await expect(world.provider.remove(record, { sessionId: "session-fix" })).rejects.toEqual(code("workspace.exists"));
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
    await expect(world.provider.remove(record, { sessionId: "session-fix" })).rejects.toEqual(code("workspace.exists"));
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
