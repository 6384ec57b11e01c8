import { rmSync } from "node:fs";

import type { WorkspaceRecord } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { checkpointRequest } from "./checkpoint-property.ts";
import { wrappedFileSystem } from "./faulty-file-system.ts";
import { errorWith, type Fixture, fixture, made, snapshot } from "./git-fixture.ts";
import { resultsOf } from "./result-world.ts";

const SESSION = "session-fix";
const undo = { at: "2026-01-01T00:00:00.000Z", session: null };

async function worked(): Promise<{ readonly world: Fixture; readonly record: WorkspaceRecord }> {
  const world = fixture();
  const { record } = await made(world);
  world.write({ "a.txt": "committed\n" }, record.path);
  world.git(["commit", "--quiet", "--all", "-m", "Work"], record.path);
  world.write({ "a.txt": "more\n", "new.txt": "new\n" }, record.path);
  return { world, record };
}

/** Each tells what is wrong, why, and what to do, with the code. */
async function refuses(code: string, calls: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    const error: unknown = await call().then(
      () => `${name} was done`,
      (cause: unknown) => cause,
    );
    expect([name, error]).toEqual([name, errorWith(code)]);
    expect([name, error]).toEqual([name, expect.objectContaining({ why: expect.stringMatching(/\S/u) })]);
  }
}

describe("a workspace that the user has", () => {
  it("deleted by hand is told, and its commits stay", async () => {
    const { world, record } = await worked();
    const { provider } = world;
    const { id } = await provider.checkpoints.create(record, checkpointRequest(SESSION));
    const tip = world.git(["rev-parse", record.branch]);
    rmSync(record.path, { recursive: true });
    expect(await provider.status(record)).toMatchObject({ exists: false, unreachedCommits: 1 });
    const results = resultsOf(world, record);
    await refuses("workspace.missing", {
      diff: () => provider.diff(record),
      checkpoint: () => provider.checkpoints.create(record, checkpointRequest(SESSION)),
      restore: () => provider.checkpoints.restore(record, { id, before: checkpointRequest(SESSION) }),
      merge: () => results.merge(),
      apply: () => results.apply(),
    });
    expect(await provider.remove(record, { sessionId: SESSION, force: true })).toMatchObject({
      keptBranch: { name: record.branch },
    });
    expect(world.git(["rev-parse", record.branch])).toBe(tip);
  });

  it("made read-only is not deleted, and is whole until it can be", async () => {
    const { world, record } = await worked();
    const before = snapshot(record.path);
    const refusal = Object.assign(new Error("EACCES: permission denied, rename"), { code: "EACCES" });
    // As the system answers when whoever asks is not root.
    const fileSystem = wrappedFileSystem((name, call) => (name === "rename" ? Promise.reject(refusal) : call()));
    const provider = world.providerWith({ fileSystem });
    await expect(provider.remove(record, { sessionId: SESSION, force: true, undo })).rejects.toMatchObject({
      code: "repository.failed",
      why: expect.stringContaining("EACCES"),
      fix: [expect.stringContaining("writable")],
    });
    expect(snapshot(record.path)).toEqual(before);
    expect(await world.provider.remove(record, { sessionId: SESSION, force: true, undo })).toMatchObject({
      hasUndoRecord: true,
    });
    await world.provider.undoRecords.restore(SESSION, { sessionId: "again", name: "fix" });
    expect(snapshot(record.path)).toEqual(before);
  });

  it("never had: what is not known cannot be brought back", async () => {
    const world = fixture();
    const { undoRecords, checkpoints } = world.provider;
    await refuses("undo.not-found", {
      plan: () => undoRecords.plan("nothing", { sessionId: "again", name: "fix" }),
      restore: () => undoRecords.restore("nothing", { sessionId: "again", name: "fix" }),
    });
    await refuses("checkpoint.not-found", {
      get: () => checkpoints.get("nothing"),
      diff: () => checkpoints.diff({ from: "nothing" }),
    });
  });
});
