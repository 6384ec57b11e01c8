import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith } from "./git-fixture.ts";
import { farSandbox, type FarSandbox, filesOf, remoteSession } from "./remote-fixture.ts";

const STATUS = ["status", "--porcelain=v2", "--ignored"];

describe("a workspace in a sandbox that shares no files with this machine", () => {
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
});
