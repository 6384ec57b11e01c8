import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, fixture, snapshot } from "./git-fixture.ts";
import { farSandbox, type FarSandbox, remoteSession } from "./remote-fixture.ts";

/** Content, kinds and executable bits of all but git's own. */
function filesOf(directory: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(snapshot(directory, false)).filter(([name]) => !/^\/\.git(?:\/|$)/u.test(name)),
  );
}

const STATUS = ["status", "--porcelain=v2", "--ignored"];

describe("a workspace in a sandbox that shares no files with this machine", () => {
  it("has inside what was on the host: history, branch, index, uncommitted and included files, each byte as it was", async () => {
    const world = fixture();
    world.write({ "crlf.txt": "one\r\ntwo\n", ".gitattributes": "*.txt text=auto\n" });
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "Second"]);
    world.git(["branch", "clauderon/other"]);
    world.git(["tag", "v1", "HEAD~1"]);
    world.write({ "a.txt": "staged\n", "new file\twith\nnewline": "untracked\r\n", ".env": "SECRET=1\n" });
    world.write({ ".gitignore": "ignored*\n.env\n" });
    world.git(["add", "a.txt"]);
    world.write({ "a.txt": "staged, then changed\r\nmixed\n", "deep/run.sh": "#!/bin/sh\n" });
    world.git(["add", "deep/run.sh"]);
    world.git(["update-index", "--chmod=+x", "deep/run.sh"]);
    symlinkSync("../outside", join(world.repository, "deep", "link"));
    rmSync(join(world.repository, "b.txt"));
    const { sandbox, record, host } = await remoteSession({
      world,
      withChanges: true,
      include: { patterns: [".env"], isFileRead: false },
    });
    expect(filesOf(sandbox.workspacePath)).toEqual(filesOf(record.path));
    expect(await sandbox.git(...STATUS)).toBe(host(...STATUS));
    expect(await sandbox.git("diff", "--cached")).toBe(host("diff", "--cached"));
    expect(await sandbox.git("log", "--format=%H %D", "HEAD")).toContain("HEAD -> clauderon/fix");
    expect(await sandbox.git("for-each-ref", "--format=%(refname)")).toBe(
      "refs/heads/clauderon/fix\nrefs/heads/main\nrefs/tags/v1\n",
    );
    await sandbox.git("fsck", "--strict");
  }, 60_000);

  it("commits, staged and unstaged changes, new, deleted and ignored files come out; nothing that HEAD had is missing", async () => {
    const { sandbox, record, host, sync } = await remoteSession();
    await sandbox.script(`
      echo committed > c.txt; git add c.txt; git commit -q -m Inside
      echo staged > s.txt; git add s.txt; echo more >> s.txt
      printf 'raw\\r\\nbytes' > u.bin; rm b.txt; ln -s a.txt l; chmod +x a.txt
      mkdir -p ignored/deep; echo built > ignored/deep/out
      git stash list > /dev/null`);
    expect(await sync()).toMatchObject({ branch: "clauderon/fix", hostBranches: [], notices: [] });
    expect(host("log", "-1", "--format=%s")).toBe("Inside\n");
    expect(host("status", "--porcelain=v2")).toBe(await sandbox.git("status", "--porcelain=v2"));
    expect(existsSync(join(record.path, "ignored"))).toBe(false);
    expect(await sync({ ignoredLimitBytes: 100 })).toMatchObject({ ignored: { bytes: 100, isMore: true } });
    expect(existsSync(join(record.path, "ignored"))).toBe(false);
    expect(await sync({ ignoredLimitBytes: 1e9 })).toMatchObject({ ignored: { isMore: false } });
    expect(filesOf(record.path)).toEqual(filesOf(sandbox.workspacePath));
    // What becomes of it later follows, too: a file in the place of a directory, and the other way round.
    await sandbox.script("rm -r deep a.txt; echo file > deep; mkdir a.txt; echo in > a.txt/in; rm l u.bin; git add -A");
    await sync({ ignoredLimitBytes: 1e9 });
    expect(filesOf(record.path)).toEqual(filesOf(sandbox.workspacePath));
    expect(host("status", "--porcelain=v2")).toBe(await sandbox.git("status", "--porcelain=v2"));
  }, 60_000);

  it("says since when the sandbox may hold what is not here, until nobody works inside any more", async () => {
    const { world, record, sandbox, sync } = await remoteSession();
    const since = (await world.provider.status(record)).unsynced?.since ?? "";
    expect(Date.parse(since)).toBeGreaterThan(0);
    await sync();
    expect((await world.provider.status(record)).unsynced).toBeDefined();
    await sync({ isLast: true });
    expect((await world.provider.status(record)).unsynced).toBeUndefined();
    await world.provider.send(record, sandbox);
    expect((await world.provider.status(record)).unsynced).toBeDefined();
  }, 60_000);

  it("a file that the user has changed in the copy stays and is told; others follow", async () => {
    const { sandbox, record, sync } = await remoteSession();
    await sync();
    writeFileSync(join(record.path, "a.txt"), "the user's\n");
    await sandbox.script("echo agent > a.txt; echo agent > b.txt");
    const { notices } = await sync();
    expect(notices.join("\n")).toContain("a.txt");
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toBe("the user's\n");
    expect(readFileSync(join(record.path, "b.txt"), "utf8")).toBe("agent\n");
  }, 60_000);

  it("a commit that the user made in the copy becomes a reference inside, and is never passed over", async () => {
    const { sandbox, record, host, sync } = await remoteSession();
    writeFileSync(join(record.path, "mine.txt"), "mine\n");
    host("add", "mine.txt");
    host("commit", "--quiet", "-m", "Mine");
    await sandbox.script("echo theirs > t.txt; git add .; git commit -q -m Theirs");
    expect(await sync()).toMatchObject({ hostBranches: ["clauderon/fix"] });
    expect(await sandbox.git("log", "-1", "--format=%s", "host/clauderon/fix")).toBe("Mine\n");
    expect(host("log", "-1", "--format=%s")).toBe("Mine\n");
    await sandbox.git("-c", "user.name=A", "-c", "user.email=a@b", "merge", "--quiet", "host/clauderon/fix");
    expect(await sync()).toMatchObject({ hostBranches: [] });
    expect(host("log", "-3", "--format=%s").split("\n")).toEqual(expect.arrayContaining(["Mine", "Theirs"]));
    expect(filesOf(record.path)).toEqual(filesOf(sandbox.workspacePath));
  }, 60_000);

  it("a merge in progress and a repository in the working tree are told as what stays inside, and nothing is given up for it", async () => {
    const { world, sandbox, record, sync } = await remoteSession();
    await sandbox.script(`
      git branch side; echo ours > a.txt; git commit -qam One; git switch -q side; echo two > a.txt; git commit -qam Two
      git merge clauderon/fix > /dev/null || true
      git init -q nested; git -C nested -c user.name=A -c user.email=a@b commit -q --allow-empty -m Nested`);
    const { notices } = await sync({ isLast: true });
    expect(notices.join("\n")).toMatch(/nested\/[^]*merge is in progress/u);
    expect((await world.provider.status(record)).unsynced).toBeDefined();
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toContain("<<<<<<<");
  }, 60_000);

  it("removed with its sandbox and put back, it goes whole into a new one", async () => {
    const { world, sandbox, record, request, host, sync } = await remoteSession();
    await sandbox.script(`
      echo committed > c.txt; git add c.txt; git commit -q -m Inside; echo stashed > a.txt; git stash -q; echo again > b.txt; git stash -q
      echo staged > s.txt; git add s.txt; echo untracked > u.txt; echo built > ignored.o`);
    await sync({ isLast: true, ignoredLimitBytes: 1e9 });
    const seen = async (one: FarSandbox): Promise<unknown> => [
      filesOf(one.workspacePath),
      await one.git(...STATUS),
      await one.git("stash", "list"),
      await one.git("stash", "show", "--patch", "stash@{1}"),
    ];
    const before = await seen(sandbox);
    const undo = { at: new Date().toISOString(), session: {} };
    const call = { sessionId: request.sessionId, force: true, undo };
    expect(await world.provider.remove(record, call)).toMatchObject({ hasUndoRecord: true });
    expect(existsSync(record.path)).toBe(false);
    expect(world.git(["log", "-1", "--format=%s", "clauderon/fix"])).toBe("Inside\n");
    await world.provider.undoRecords.restore(request.sessionId, { sessionId: request.sessionId, name: "fix" });
    expect(host("log", "-1", "--format=%s")).toBe("Inside\n");
    const fresh = farSandbox(world, "fresh");
    await world.provider.send(record, fresh);
    expect(await seen(fresh)).toEqual(before);
  }, 60_000);

  it("a sandbox that holds something already keeps it: nothing is laid over it", async () => {
    const { world, sandbox, record } = await remoteSession();
    await sandbox.script("echo work > work.txt; git add .; git commit -q -m Work; echo open > a.txt");
    await world.provider.send(record, sandbox);
    expect(await sandbox.script("git log -1 --format=%s; cat a.txt")).toBe("Work\nopen\n");
    await sandbox.script("rm -rf .git");
    await world.provider.send(record, sandbox);
    expect(await sandbox.script("cat a.txt")).toBe("open\n");
    await expect(world.provider.sync(record, sandbox)).rejects.toEqual(errorWith("workspace.sync-failed"));
  }, 60_000);

  it("history that the session may not see does not travel", async () => {
    const world = fixture();
    world.write({ "secret.txt": "taken back\n" });
    world.git(["add", "."]);
    world.git(["commit", "--quiet", "-m", "Secret"]);
    const secret = world.git(["rev-parse", "HEAD"]).trim();
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    world.write({ "stash.txt": "stashed\n" });
    world.git(["stash", "--quiet", "--include-untracked"]);
    const { sandbox } = await remoteSession({ world });
    const objects = await sandbox.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)");
    expect(objects).not.toContain(secret);
    const contents = await sandbox.script("git cat-file --batch-all-objects --batch");
    expect(contents).not.toMatch(/taken back|stashed/u);
    expect(contents).toContain("three");
  }, 60_000);
});
