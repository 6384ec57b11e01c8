import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, fixture, leftovers, made, snapshot } from "./git-fixture.ts";
import { commitFile, generations } from "./mirror-fixture.ts";
import { mountedSandbox, privateSession, type PrivateSession, whyNoMounts } from "./private-fixture.ts";

if (whyNoMounts !== undefined) process.stdout.write(`${whyNoMounts}\n`);

const AT = "2026-01-02T03:04:05.000Z";

async function commitInside({ sandbox }: PrivateSession, name: string): Promise<string> {
  await sandbox.run(["sh", "-ec", 'echo "$1" > "$1"; git add -- "$1"; git commit -q -m "$1"', "commit", name]);
  return (await sandbox.git(["rev-parse", "HEAD"])).trim();
}

it("a creation that is taken back leaves nothing, and gives back what it borrowed", async () => {
  const { world, record, request } = await privateSession();
  await world.provider.undo(record, request.sessionId);
  expect(leftovers(world)).toEqual([]);
  const [generation = ""] = generations(world);
  expect(readdirSync(join(generation, "borrowers"))).toEqual([]);
  await world.provider.undo(record, request.sessionId);
}, 60_000);

it("a second call makes nothing anew, a half-made one is made again, a foreign directory is refused", async () => {
  const session = await privateSession();
  const { world, record, request } = session;
  world.write({ "a.txt": "changed\n" }, record.path);
  await world.provider.create(request, record);
  expect(session.host(["status", "--porcelain"])).toBe(" M a.txt\n");
  await expect(made(world, { isPrivate: true, name: "fix", sessionId: "other" })).rejects.toEqual(
    errorWith("workspace.exists"),
  );
  expect(existsSync(join(world.home, "private", "other"))).toBe(false);
}, 60_000);

it("reconcile finds it by its claim, and without the claim by its mark", async () => {
  const { world, record, request } = await privateSession();
  const found = async (): Promise<unknown[]> => Array.fromAsync(world.provider.list());
  const expected = [{ sessionId: request.sessionId, name: "fix", record, exists: true }];
  expect(await found()).toEqual(expected);
  writeFileSync(join(world.home, "state", "workspaces", `${request.sessionId}.json`), "");
  expect(await found()).toEqual(expected);
}, 60_000);

describe.skipIf(whyNoMounts !== undefined)("a private workspace with work in it", () => {
  it("status and diff tell what came out of it", async () => {
    const session = await privateSession();
    const { world, record } = session;
    await commitInside(session, "work.txt");
    await session.sandbox.run([
      "sh",
      "-ec",
      "echo more >> a.txt; echo new > new.txt; echo staged > s.txt; git add s.txt",
    ]);
    await session.sync();
    expect(await world.provider.status(record)).toEqual({
      exists: true,
      staged: 1,
      unstaged: 1,
      untracked: 1,
      unreachedCommits: 1,
      files: ["a.txt", "s.txt", "new.txt"],
    });
    expect(await world.provider.diff(record, { format: "names" })).toBe("a.txt\nnew.txt\ns.txt\nwork.txt\n");
  }, 60_000);

  it("what was committed inside is never taken for a creation to be taken back", async () => {
    const session = await privateSession();
    await commitInside(session, "work.txt");
    await session.world.provider.undo(session.record, session.request.sessionId);
    expect(existsSync(join(session.record.path, "work.txt"))).toBe(true);
    expect(await session.sandbox.git(["log", "--format=%s"])).toBe("work.txt\nFirst\n");
  }, 60_000);

  it("removed and put back it is byte for byte what it was, for both sides, whatever the repository collected meanwhile", async () => {
    const session = await privateSession();
    const { world, record, request, sandbox } = session;
    const commit = await commitInside(session, "work.txt");
    await sandbox.git(["switch", "--quiet", "-c", "other"]);
    await commitInside(session, "other.txt");
    await sandbox.run([
      "sh",
      "-ec",
      "echo stashed >> a.txt; git stash -q; echo dirty >> b.txt; echo ignored > ignored.txt",
    ]);
    await session.sync();
    const before = [record.path, record.privateDirectory ?? ""].map((path) => snapshot(path));
    const undo = { at: AT, session: {} };
    const removal = await world.provider.remove(record, { sessionId: request.sessionId, force: true, undo });
    expect(removal).toMatchObject({ hasUndoRecord: true, keptBranch: { name: "clauderon/fix" } });
    expect(world.git(["rev-parse", "clauderon/fix"]).trim()).toBe(commit);
    expect([record.path, record.privateDirectory ?? ""].map((path) => existsSync(path))).toEqual([false, false]);
    world.git(["gc", "--quiet", "--prune=now"]);
    await Array.fromAsync(world.provider.list());
    await world.provider.undoRecords.restore(request.sessionId, { sessionId: request.sessionId, name: "fix" });
    const after = [record.path, record.privateDirectory ?? ""].map((path) => snapshot(path));
    for (const tree of [...before, ...after]) delete tree["/clauderon.json"];
    expect(after).toEqual(before);
    const again = mountedSandbox(world, await world.provider.mount(record));
    expect(await again.git(["status", "--porcelain"])).toBe(" M b.txt\n");
    expect(await again.git(["stash", "list"])).toContain("stash@{0}");
    expect(await again.git(["fsck", "--full"])).toBe("");
    await world.provider.sync(record, again);
  }, 120_000);

  it("put back under another name and for another session it works on both sides", async () => {
    const session = await privateSession();
    const { world, record, request } = session;
    await commitInside(session, "work.txt");
    await session.sync();
    await world.provider.remove(record, { sessionId: request.sessionId, undo: { at: AT, session: {} } });
    const restore = { sessionId: "again", name: "again" };
    const there = await world.provider.undoRecords.plan(request.sessionId, restore);
    await world.provider.undoRecords.restore(request.sessionId, restore);
    const again = mountedSandbox(world, await world.provider.mount(there));
    await again.run(["sh", "-ec", "echo x > x.txt; git add .; git commit -q -m Again"]);
    await world.provider.sync(there, again);
    expect(world.git(["log", "--format=%s"], there.path)).toBe("Again\nwork.txt\nFirst\n");
    await world.provider.remove(there, { sessionId: "again", force: true });
    await world.provider.undoRecords.remove("again");
  }, 120_000);

  it("without an undo record commits stay on the session's branch, and what is on none refuses", async () => {
    const session = await privateSession();
    const { world, record, request, sandbox } = session;
    const commit = await commitInside(session, "work.txt");
    await sandbox.git(["switch", "--quiet", "-c", "other"]);
    await commitInside(session, "other.txt");
    await session.sync();
    await expect(world.provider.remove(record, { sessionId: request.sessionId })).rejects.toEqual(
      errorWith("workspace.exists"),
    );
    expect(existsSync(record.path)).toBe(true);
    await sandbox.git(["switch", "--quiet", "clauderon/fix"]);
    await sandbox.git(["branch", "--quiet", "-D", "other"]);
    await session.sync();
    const { keptBranch } = await world.provider.remove(record, { sessionId: request.sessionId });
    expect(keptBranch?.name).toBe("clauderon/fix");
    expect(world.git(["rev-parse", "clauderon/fix"]).trim()).toBe(commit);
    expect(leftovers(world)).toEqual(["refs/heads/clauderon/fix"]);
  }, 120_000);

  it("a worktree that stays needs nothing of what was borrowed", async () => {
    const session = await privateSession();
    const { world, record, request, host } = session;
    await commitInside(session, "work.txt");
    await session.sync();
    await world.provider.remove(record, { sessionId: request.sessionId, keepWorktree: true });
    commitFile(world, { "a.txt": "more\n" });
    world.git(["commit", "--quiet", "--amend", "-m", "Other"]);
    await Array.fromAsync(world.provider.list());
    expect(host(["log", "--format=%s"])).toBe("work.txt\nFirst\n");
    expect(host(["fsck", "--full", "--no-dangling"])).toBe("");
  }, 60_000);
});

it("the branch is not made when somebody else has it meanwhile", async () => {
  const world = fixture();
  world.git(["branch", "clauderon/fix"]);
  await expect(made(world, { isPrivate: true })).rejects.toEqual(errorWith("workspace.branch-exists"));
}, 60_000);
