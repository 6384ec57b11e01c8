import { describe, expect, it } from "vitest";

import { createMemoryStore } from "../src/testing/memory-store.ts";
import { startEngine, World } from "./engine-world.ts";

const DAY_MS = 86_400_000;

describe("a session's results", () => {
  it("are merged and applied while it runs, and can be taken back", async () => {
    const world = new World();
    const { engine } = startEngine(world, createMemoryStore());
    const session = await engine.sessions.create({ repository: "/r", name: "fix" });
    const merged = await session.merge({ how: "squash" });
    expect(merged).toMatchObject({ schemaVersion: 1, kind: "merge", name: "fix", isUpToDate: false, files: ["a"] });
    const applied = await session.apply();
    expect((await session.detail()).lifecycle).toBe("running");
    const records = await engine.undo.list();
    expect(records.map(({ kind, id }) => `${kind} ${id}`).toSorted()).toEqual(
      [`apply ${applied.undoId}`, `merge ${merged.undoId}`].toSorted(),
    );
    expect(records[0]).toMatchObject({ name: "fix", backend: "world", agent: "agent", repository: "/r" });
    expect(await engine.undo.takeBack(merged.undoId ?? "")).toMatchObject({
      kind: "merge",
      name: "fix",
      branch: "main",
    });
    await engine.undo.drop(applied.undoId ?? "");
    expect(await engine.undo.list()).toEqual([]);
    await expect(engine.undo.takeBack(merged.undoId ?? "")).rejects.toMatchObject({ code: "undo.not-found" });
    const events = await Array.fromAsync(engine.events({ since: 0, follow: false }));
    expect(events.map(({ body }) => body.type).filter((type) => type.includes("result"))).toEqual([
      "session.result-ended",
      "session.result-ended",
    ]);
  });

  it("that are refused leave no trace in the session", async () => {
    const world = new World();
    const { engine } = startEngine(world, createMemoryStore());
    const session = await engine.sessions.create({ repository: "/r", name: "fix" });
    const before = await session.detail();
    world.isMergeRefused = true;
    await expect(session.merge()).rejects.toMatchObject({ code: "merge.conflict" });
    await expect(session.apply()).rejects.toMatchObject({ code: "merge.conflict" });
    expect(await session.detail()).toEqual(before);
    world.isMergeRefused = false;
    expect((await session.merge()).isUpToDate).toBe(false);
  });

  it("stay when the session is deleted, and go when their time is over", async () => {
    const world = new World();
    const store = createMemoryStore();
    const { engine } = startEngine(world, store);
    const session = await engine.sessions.create({ repository: "/r", name: "fix" });
    const { undoId } = await session.merge();
    await session.delete({ discard: true });
    expect((await engine.undo.list()).map(({ kind }) => kind).toSorted()).toEqual(["delete", "merge"]);
    await engine.undo.restore();
    expect((await engine.undo.list()).map(({ id }) => id)).toEqual([undoId]);
    const now = Date.now() + 31 * DAY_MS;
    const clock = { now: () => new Date(now), monotonicMs: () => performance.now() };
    await startEngine(world, store, { clock }).engine.recover();
    expect(world.results.size).toBe(0);
  });
});
