import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { syncPrivate } from "../src/private/sync-private.ts";
import { errorWith } from "./git-fixture.ts";
import { farSandbox, type FarSandbox, filesOf, remoteSession, toolsOf } from "./remote-fixture.ts";

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

  it("a commit that the user made on the session's branch in the repository becomes a reference inside, too, and is never passed over", async () => {
    const { world, sandbox, record, sync } = await remoteSession();
    world.git(["checkout", "--quiet", "clauderon/fix"]);
    world.write({ "mine.txt": "mine\n" });
    world.git(["add", "mine.txt"]);
    world.git(["commit", "--quiet", "-m", "Mine"]);
    const mine = world.git(["rev-parse", "HEAD"]).trim();
    await sandbox.script("echo theirs > t.txt; git add .; git commit -q -m Theirs");
    const { hostBranches, notices } = await sync();
    expect(hostBranches).toEqual(["repository/clauderon/fix"]);
    expect(notices.join()).toContain(`made on clauderon/fix in ${world.repository}`);
    expect((await sandbox.git("rev-parse", "host/repository/clauderon/fix")).trim()).toBe(mine);
    expect(world.git(["rev-parse", "clauderon/fix"]).trim()).toBe(mine);
    await sandbox.git("-c", "user.name=A", "-c", "user.email=a@b", "merge", "--quiet", "host/repository/clauderon/fix");
    expect(await sync()).toMatchObject({ hostBranches: [] });
    world.git(["checkout", "--quiet", "main"]);
    await world.provider.results.check(record, { kind: "merge", name: "fix" });
    const call = { kind: "merge", name: "fix", at: new Date().toISOString(), session: {}, keeps: true } as const;
    await world.provider.results.take("10000000-0000-4000-8000-000000000001", record, call);
    expect(existsSync(join(world.repository, "t.txt"))).toBe(true);
    expect(world.git(["log", "--format=%s", "clauderon/fix"])).toMatch(/Mine[^]*First/u);
  }, 60_000);

  it("a sync that dies while it writes files is completed by the next, and a file cut short is no change of the user's", async () => {
    const { world, sandbox, record, host, sync } = await remoteSession();
    await sync();
    writeFileSync(join(record.path, "b.txt"), "the user's\n");
    await sandbox.script("echo longer than before > a.txt; echo agent > b.txt; echo new > new.txt; rm deep/c.txt");
    const tools = toolsOf(world);
    const dying: typeof tools = {
      ...tools,
      git: {
        ...tools.git,
        inspect: async (args, call) => {
          if (args.includes("update-ref") && args.some((arg) => arg.startsWith("refs/copy/"))) throw new Error("dead");
          return tools.git.inspect(args, call);
        },
      },
    };
    await expect(syncPrivate(dying, record, { sandbox })).rejects.toThrow("dead");
    writeFileSync(join(record.path, "a.txt"), "longer th");
    const { notices } = await sync();
    expect(notices.join()).toMatch(/stays as it is here: b\.txt$/u);
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toBe("longer than before\n");
    expect(readFileSync(join(record.path, "b.txt"), "utf8")).toBe("the user's\n");
    expect(host("status", "--porcelain")).toBe(" M a.txt\n M b.txt\n D deep/c.txt\n?? new.txt\n");
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

  it("one that came back empty is filled with what came out, and what was done since is told as lost until something comes out of it", async () => {
    const { world, sandbox, record, sync } = await remoteSession();
    await sandbox.script("echo came > came.txt");
    await sync();
    const since = (await world.provider.status(record)).unsynced?.since;
    await sandbox.script("echo lost > lost.txt; rm -rf .git ./*; rm .gitignore");
    expect(await world.provider.send(record, sandbox)).toEqual({ lostSince: since, notices: [] });
    expect(await sandbox.script("ls")).toContain("came.txt");
    expect((await world.provider.status(record)).unsynced?.since).not.toBe(since);
    expect(await world.provider.send(record, sandbox)).toEqual({ lostSince: since, notices: [] });
    await sync();
    expect(await world.provider.send(record, sandbox)).toEqual({ notices: [] });
    await sync({ isLast: true });
    await sandbox.script("rm -rf .git ./*; rm .gitignore");
    expect(await world.provider.send(record, sandbox)).toEqual({ notices: [] });
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
