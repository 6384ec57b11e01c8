import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { faultyFileSystem, wrappedFileSystem } from "./faulty-file-system.ts";
import { errorWith, type Fixture, fixture, leftovers, made, snapshot } from "./git-fixture.ts";

const ID = "session-fix";
const undo = { at: "2026-01-01T00:00:00.000Z", session: { kept: true } };

async function deleted(world: Fixture): Promise<{ readonly record: WorkspaceRecord; readonly tree: unknown }> {
  const { record } = await made(world);
  world.write({ "work.txt": "precious\n", "ignored.txt": "too\n" }, record.path);
  const tree = snapshot(record.path);
  await world.provider.remove(record, { sessionId: ID, force: true, undo });
  return { record, tree };
}

const again = { sessionId: "again", name: "fix" };
const place = (world: Fixture): string => join(world.home, "undo", ID);
const hidden = (world: Fixture, cwd?: string): string => world.git(["for-each-ref", "refs/clauderon"], cwd);

describe("an undo record", () => {
  it("is listed with what was given, and leaves nothing else behind", async () => {
    const world = fixture();
    const { record } = await deleted(world);
    const [kept, ...others] = await world.provider.undoRecords.list({ isMeasured: true });
    expect(others).toEqual([]);
    expect(kept).toEqual({ id: ID, name: "fix", ...undo, workspace: record, bytes: expect.any(Number) });
    expect(kept?.bytes).toBeGreaterThan(4096);
    expect(leftovers(world)).toEqual([]);
    expect(hidden(world)).toContain(`refs/clauderon/undo/${ID}`);
  });

  it("is put back once, and is gone then", async () => {
    const world = fixture();
    const { record, tree } = await deleted(world);
    await world.provider.undoRecords.restore(ID, again);
    expect(snapshot(record.path)).toEqual(tree);
    expect(await world.provider.undoRecords.list()).toEqual([]);
    expect([hidden(world), readdirSync(join(world.home, "undo"))]).toEqual(["", []]);
    await expect(world.provider.undoRecords.plan(ID, again)).rejects.toEqual(errorWith("undo.not-found"));
    // The same call once more is one that had succeeded.
    await world.provider.undoRecords.restore(ID, again);
    expect(snapshot(record.path)).toEqual(tree);
    expect(await Array.fromAsync(world.provider.list())).toEqual([
      { sessionId: "again", name: "fix", record, exists: true },
    ]);
  });

  it("is given up for good", async () => {
    const world = fixture();
    await deleted(world);
    await world.provider.undoRecords.remove(ID);
    await world.provider.undoRecords.remove(ID);
    expect([hidden(world), readdirSync(join(world.home, "undo"))]).toEqual(["", []]);
    await expect(world.provider.undoRecords.restore(ID, again)).rejects.toEqual(errorWith("undo.not-found"));
  });

  it("takes the branch back that was made for a detached HEAD", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.git(["checkout", "--quiet", "--detach"], record.path);
    world.git(["commit", "--quiet", "--allow-empty", "-m", "Detached"], record.path);
    const before = world.git(["for-each-ref"]);
    const removal = await world.provider.remove(record, { sessionId: ID, force: true, undo });
    expect(removal.keptDetached?.name).toBe("clauderon/fix-detached");
    await world.provider.undoRecords.restore(ID, again);
    expect(world.git(["for-each-ref"])).toBe(before);
    expect(world.git(["log", "-1", "--format=%s"], record.path)).toBe("Detached\n");
  });

  it("goes to another name", async () => {
    const world = fixture();
    const { record } = await deleted(world);
    mkdirSync(record.path, { recursive: true });
    writeFileSync(join(record.path, "theirs"), "");
    const request = { sessionId: "again", name: "other" };
    const { path } = await world.provider.undoRecords.plan(ID, request);
    await world.provider.undoRecords.restore(ID, request);
    expect(readdirSync(record.path)).toEqual(["theirs"]);
    expect(world.git(["status", "--porcelain", "--branch"], path)).toBe("## clauderon/fix\n?? work.txt\n");
    expect(world.git(["worktree", "list"])).toContain(path);
  });

  it("follows a repository that was moved", async () => {
    const world = fixture();
    const { record } = await deleted(world);
    const moved = join(world.root, "moved");
    renameSync(world.repository, moved);
    await expect(world.provider.undoRecords.restore(ID, again)).rejects.toEqual(errorWith("repository.not-found"));
    const repository = await world.provider.resolve(moved);
    await world.provider.undoRecords.restore(ID, { ...again, repository });
    expect(world.git(["status", "--porcelain", "--branch"], record.path)).toBe("## clauderon/fix\n?? work.txt\n");
    expect(hidden(world, moved)).toBe("");
  });
});

describe("undo overwrites nothing and says what to do when", () => {
  const cases: Record<string, readonly [string, (world: Fixture, record: WorkspaceRecord) => void]> = {
    "the place is taken": ["workspace.exists", (_world, { path }) => mkdirSync(path, { recursive: true })],
    "the branch was made anew": [
      "workspace.branch-exists",
      (world) => {
        world.git(["commit", "--quiet", "--allow-empty", "-m", "More"]);
        world.git(["branch", "clauderon/fix"]);
      },
    ],
    "the branch is checked out elsewhere": [
      "workspace.branch-in-use",
      (world) => world.git(["worktree", "add", "--quiet", "-b", "clauderon/fix", join(world.root, "w"), "main"]),
    ],
    "a branch blocks the name": ["workspace.branch-exists", (world) => world.git(["branch", "clauderon/fix/sub"])],
    "the repository is gone": [
      "repository.not-found",
      (world) => renameSync(world.repository, join(world.root, "moved")),
    ],
    "the repository is another": [
      "repository.not-found",
      (world) => {
        rmSync(world.repository, { recursive: true });
        mkdirSync(world.repository);
        world.git(["init", "--quiet"]);
      },
    ],
    "the record's tree is gone": ["undo.damaged", (world) => rmSync(join(place(world), "tree"), { recursive: true })],
    "the record's entry is gone": ["undo.damaged", (world) => rmSync(join(place(world), "entry"), { recursive: true })],
    "the record is cut short": ["undo.damaged", (world) => writeFileSync(join(place(world), "record.json"), '{"ver')],
    "the record is of another version": [
      "undo.damaged",
      (world) => {
        const file = join(place(world), "record.json");
        writeFileSync(file, readFileSync(file, "utf8").replace('"version":1', '"version":2'));
      },
    ],
    "the record names another entry": [
      "undo.damaged",
      (world) => {
        const file = join(place(world), "record.json");
        writeFileSync(file, readFileSync(file, "utf8").replace('"entry":"fix"', '"entry":"../../fix"'));
      },
    ],
  };
  it.each(Object.keys(cases))("%s", async (name) => {
    const [code, happen] = cases[name] ?? ["", () => undefined];
    const world = fixture();
    const { record } = await deleted(world);
    happen(world, record);
    const before = [snapshot(place(world)), existsSync(world.repository) ? world.git(["for-each-ref"]) : ""];
    await expect(world.provider.undoRecords.plan(ID, again)).rejects.toEqual(errorWith(code));
    await expect(world.provider.undoRecords.restore(ID, again)).rejects.toEqual(errorWith(code));
    expect([snapshot(place(world)), existsSync(world.repository) ? world.git(["for-each-ref"]) : ""]).toEqual(before);
  });
});

describe("failing calls", () => {
  it("what is only half put back is not taken for an orphan", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.write({ "ignored.txt": "precious\n" }, record.path);
    const tree = snapshot(record.path);
    await world.provider.remove(record, { sessionId: ID, force: true, undo });
    // Dies when the worktree is at its place and the note is not yet away.
    let isDead = false;
    const fileSystem = wrappedFileSystem(async (name, call) => {
      isDead ||= name === "sync" && existsSync(record.path);
      return isDead ? Promise.reject(new Error("dead")) : call();
    });
    const provider = world.providerWith({ fileSystem });
    await expect(provider.undoRecords.restore(ID, again)).rejects.toThrow("dead");
    expect(existsSync(record.path)).toBe(true);
    for await (const found of world.provider.list()) await world.provider.undo(found.record, found.sessionId);
    expect(snapshot(record.path)).toEqual(tree);
    await world.provider.undoRecords.restore(ID, { ...again, sessionId: "third" });
    expect(snapshot(record.path)).toEqual(tree);
    expect(world.git(["status", "--porcelain", "--branch"], record.path)).toBe("## clauderon/fix\n");
  });

  it("a full disk refuses the delete, and everything stays", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.write({ "work.txt": "precious\n" }, record.path);
    const before = [snapshot(record.path), world.git(["for-each-ref"])];
    const full = (): Promise<never> => Promise.reject(Object.assign(new Error("ENOSPC: no space"), { code: "ENOSPC" }));
    const fileSystem = wrappedFileSystem((name, call) => (name === "replaceDurably" ? full() : call()));
    const provider = world.providerWith({ fileSystem });
    await expect(provider.remove(record, { sessionId: ID, force: true, undo })).rejects.toMatchObject({
      fix: ["free space on the disk and try again"],
    });
    const refs = world.git(["for-each-ref"]);
    expect([snapshot(record.path), refs.replace(/^.*refs\/clauderon.*\n/mu, "")]).toEqual(before);
    expect(await provider.undoRecords.list()).toEqual([]);
  });

  it("goes over to another file system and back", async () => {
    const world = fixture();
    const { record } = await made(world);
    world.write({ "work.txt": "precious\n", "staged.txt": "staged\n" }, record.path);
    world.git(["add", "staged.txt"], record.path);
    const tree = snapshot(record.path, false);
    const isAcross = (from: string, to: string): boolean =>
      from.startsWith(join(world.home, "undo")) !== to.startsWith(join(world.home, "undo"));
    const { fileSystem: real } = faultyFileSystem(0, "before");
    const fileSystem = {
      ...real,
      rename: (from: string, to: string): Promise<void> =>
        isAcross(from, to)
          ? Promise.reject(Object.assign(new Error("EXDEV: cross-device link"), { code: "EXDEV" }))
          : real.rename(from, to),
    };
    const provider = world.providerWith({ fileSystem });
    await provider.remove(record, { sessionId: ID, force: true, undo });
    expect(leftovers(world)).toEqual([]);
    await provider.undoRecords.restore(ID, again);
    expect(snapshot(record.path, false)).toEqual(tree);
    expect(world.git(["status", "--porcelain"], record.path)).toBe("A  staged.txt\n?? work.txt\n");
    expect(readdirSync(join(world.home, "undo"))).toEqual([]);
  });
});
