import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { errorWith, type Fixture, fixture, made, snapshot } from "./git-fixture.ts";

const at = "2026-01-01T00:00:00.000Z";
const put = { force: true, undo: { at, session: { name: "fix" } } } as const;

/** A worktree with tracked and untracked work, and ignored files. */
async function worked(world: Fixture) {
  const plan = await made(world);
  world.write(
    { "a.txt": "changed", "new/n.txt": "new", "new/ignored.log": "log", "ignored.d/deep/x": "x".repeat(20_000) },
    plan.record.path,
  );
  return { ...plan, sessionId: plan.request.sessionId };
}

describe("ignored files of a removed workspace", () => {
  it("are counted up to the limit, and only when asked for", async () => {
    const world = fixture();
    const { record } = await worked(world);
    expect((await world.provider.status(record)).ignored).toBeUndefined();
    const whole = await world.provider.status(record, { ignoredLimitBytes: 1024 * 1024 });
    expect(whole.ignored?.isMore).toBe(false);
    expect(whole.ignored?.bytes).toBeGreaterThan(20_000);
    expect(whole.ignored?.bytes).toBeLessThan(100_000);
    const cut = await world.provider.status(record, { ignoredLimitBytes: 10_000 });
    expect(cut.ignored).toEqual({ bytes: 10_000, isMore: true });
  });

  it("come back with the rest, or alone are gone when they are dropped", async () => {
    for (const dropIgnored of [false, true]) {
      const world = fixture();
      const { record, sessionId } = await worked(world);
      writeFileSync(join(record.path, "ignored.tracked"), "tracked all the same");
      world.git(["add", "--force", "ignored.tracked"], record.path);
      const before = snapshot(record.path);
      await world.provider.remove(record, { ...put, sessionId, dropIgnored });
      await world.provider.undoRecords.restore(sessionId, { sessionId, name: "fix" });
      const lost = Object.keys(before).filter((name) => dropIgnored && /ignored\.(?:log|d)/u.test(name));
      for (const name of lost) delete before[name];
      expect(lost.length > 0).toBe(dropIgnored);
      expect(snapshot(record.path)).toEqual(before);
    }
  });
});

describe("a workspace that is put away", () => {
  it("is put back under the same session id, as often as wanted", async () => {
    const world = fixture();
    const { record, sessionId } = await worked(world);
    const before = snapshot(record.path);
    const status = world.git(["status", "--porcelain=v2", "--branch"], record.path);
    for (let turn = 0; turn < 2; turn += 1) {
      const removal = { ...put, sessionId, keepBranch: true, undo: { ...put.undo, isRequired: true } };
      expect(await world.provider.remove(record, removal)).toMatchObject({ hasUndoRecord: true });
      expect(existsSync(record.path)).toBe(false);
      // After a crash the same call comes again.
      expect(await world.provider.remove(record, removal)).toMatchObject({ hasUndoRecord: true });
      const request = { sessionId, name: "fix" };
      expect(await world.provider.undoRecords.plan(sessionId, request)).toEqual(record);
      await world.provider.undoRecords.restore(sessionId, request);
      await world.provider.undoRecords.restore(sessionId, request);
      expect(snapshot(record.path)).toEqual(before);
      expect(world.git(["status", "--porcelain=v2", "--branch"], record.path)).toBe(status);
    }
  });

  it("stays what it is when it is not at its place", async () => {
    const world = fixture();
    const { record, sessionId } = await worked(world);
    const elsewhere = join(world.root, "elsewhere");
    world.git(["worktree", "move", record.path, elsewhere]);
    const call = { ...put, sessionId, undo: { ...put.undo, isRequired: true } };
    await expect(world.provider.remove(record, call)).rejects.toEqual(errorWith("workspace.missing"));
    expect(readFileSync(join(elsewhere, "a.txt"), "utf8")).toBe("changed");
    world.git(["worktree", "move", elsewhere, record.path]);
    expect(await world.provider.remove(record, call)).toMatchObject({ hasUndoRecord: true });
  });

  it("becomes an undo record of its deletion, with the branch's fate of any other", async () => {
    const world = fixture();
    const { record, sessionId } = await worked(world);
    await world.provider.remove(record, { ...put, sessionId, keepBranch: true });
    const later = { at: "2026-02-02T00:00:00.000Z", session: { name: "later" } };
    expect(await world.provider.remove(record, { sessionId, undo: later })).toEqual({
      hasUndoRecord: true,
      keptBranch: undefined,
    });
    expect(world.git(["branch", "--list", "clauderon/*"])).toBe("");
    expect(await world.provider.undoRecords.list()).toMatchObject([{ id: sessionId, ...later }]);
    await world.provider.undoRecords.restore(sessionId, { sessionId: "another", name: "fix" });
    expect(readFileSync(join(record.path, "a.txt"), "utf8")).toBe("changed");
  });

  it("is kept whatever is in the way of putting it back", async () => {
    const world = fixture();
    const { record, sessionId } = await worked(world);
    const request = { sessionId, name: "fix" };
    await world.provider.remove(record, { ...put, sessionId, keepBranch: true });
    const plan = () => world.provider.undoRecords.plan(sessionId, request);
    mkdirSync(record.path, { recursive: true });
    await expect(plan()).rejects.toEqual(errorWith("workspace.exists"));
    renameSync(record.path, join(world.root, "away"));
    world.git(["checkout", "--quiet", record.branch]);
    await expect(plan()).rejects.toEqual(errorWith("workspace.branch-in-use"));
    world.git(["checkout", "--quiet", "-"]);
    const moved = join(world.root, "moved");
    renameSync(world.repository, moved);
    await expect(plan()).rejects.toEqual(errorWith("repository.not-found"));
    const repository = await world.provider.resolve(moved);
    const placed = await world.provider.undoRecords.plan(sessionId, { ...request, repository });
    expect(placed).toMatchObject({ path: record.path, repositoryPath: moved });
    await world.provider.undoRecords.restore(sessionId, { ...request, repository });
    expect(readFileSync(join(record.path, "new/n.txt"), "utf8")).toBe("new");
  });
});
