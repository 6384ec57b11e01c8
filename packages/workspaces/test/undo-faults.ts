import { existsSync } from "node:fs";
import { join } from "node:path";

import { expect } from "vitest";

import { faultyFileSystem } from "./faulty-file-system.ts";
import { fixture, made, snapshot } from "./git-fixture.ts";

const ID = "session-fix";
const undo = { at: "2026-01-01T00:00:00.000Z", session: null };
const again = { sessionId: "again", name: "fix" };

const modes = ["before", "after", "from-then-on"] as const;

const files = (found: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(found).filter(([name]) => !name.endsWith("/")));

/** Fails every `step`-th file-system call of a deletion: nothing is lost at any, and the next deletion and undo bring everything back. */
export async function walkDeleteFaults(step: number): Promise<void> {
  for (let failing = 1; ; failing += step) {
    const world = fixture();
    const { record } = await made(world);
    world.write({ "work.txt": "precious\n" }, record.path);
    const tree = snapshot(record.path);
    const { fileSystem, calls } = faultyFileSystem(failing, modes[failing % 3] ?? "before");
    const provider = world.providerWith({ fileSystem });
    await provider.remove(record, { sessionId: ID, force: true, undo }).catch(() => undefined);
    const kept = existsSync(record.path) ? record.path : join(world.home, "undo", ID, "tree");
    expect([failing, files(snapshot(kept))]).toEqual([failing, files(tree)]);
    await world.provider.remove(record, { sessionId: ID, force: true, undo });
    await world.provider.undoRecords.restore(ID, again);
    expect([failing, snapshot(record.path)]).toEqual([failing, tree]);
    expect([failing, world.git(["status", "--porcelain"], record.path)]).toEqual([failing, "?? work.txt\n"]);
    if (calls() < failing) return;
  }
}

/** Fails every `step`-th file-system call of an undo: the next one brings everything back. */
export async function walkRestoreFaults(step: number): Promise<void> {
  for (let failing = 1; ; failing += step) {
    const world = fixture();
    const { record } = await made(world);
    world.write({ "work.txt": "precious\n", "ignored.txt": "too\n" }, record.path);
    const tree = snapshot(record.path);
    await world.provider.remove(record, { sessionId: ID, force: true, undo });
    const { fileSystem, calls } = faultyFileSystem(failing, modes[failing % 3] ?? "before");
    const provider = world.providerWith({ fileSystem });
    await provider.undoRecords.restore(ID, again).catch(() => undefined);
    await world.provider.undoRecords.restore(ID, again);
    await Array.fromAsync(world.provider.list());
    expect([failing, snapshot(record.path)]).toEqual([failing, tree]);
    const status = world.git(["status", "--porcelain", "--branch"], record.path);
    expect([failing, status]).toEqual([failing, "## clauderon/fix\n?? work.txt\n"]);
    if (calls() < failing) return;
  }
}
