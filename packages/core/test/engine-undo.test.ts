import { describe, expect, it } from "vitest";

import type { Clock, SessionDetail, SessionStore } from "../src/contract/index.ts";
import { createMemoryStore } from "../src/testing/memory-store.ts";
import { startEngine, World } from "./engine-world.ts";

const DAY_MS = 86_400_000;

async function deleted(world: World, store: SessionStore): Promise<SessionDetail> {
  const { engine } = startEngine(world, store);
  const session = await engine.sessions.create({ repository: "/r", name: "fix", prompt: "the prompt" });
  const detail = await session.detail();
  await session.delete({ discard: true });
  return detail;
}

describe("undo", () => {
  it("brings a deleted session back, stopped, with its conversation and a new id", async () => {
    const world = new World();
    const store = createMemoryStore();
    const before = await deleted(world, store);
    const { engine } = startEngine(world, store);
    const [record, ...others] = await engine.undo.list();
    expect(others).toEqual([]);
    expect(record).toMatchObject({ id: before.id, name: "fix", backend: "world", agent: "agent", repository: "/r" });
    expect(Date.parse(record?.expiresAt ?? "") - Date.parse(record?.deletedAt ?? "")).toBe(30 * DAY_MS);

    const session = await engine.undo.restore();
    const after = await session.detail();
    expect(after).toMatchObject({ name: "fix", lifecycle: "stopped", conversationId: before.conversationId });
    expect(after.id).not.toBe(before.id);
    expect(after.branch).toBe(before.branch);
    expect(await engine.undo.list()).toEqual([]);
    expect((await session.start()).lifecycle).toBe("running");
    // The conversation is resumed: its prompt is not spent again.
    expect(world.prompts).toEqual(["the prompt"]);
  });

  it("says until when a deletion can be undone", async () => {
    const { engine } = startEngine(new World(), createMemoryStore());
    const session = await engine.sessions.create({ repository: "/r", name: "fix" });
    const { undoUntil } = await session.delete();
    const left = Date.parse(undoUntil ?? "") - Date.now();
    expect(left).toBeGreaterThan(29 * DAY_MS);
    expect(left).toBeLessThanOrEqual(30 * DAY_MS);
  });

  it("refuses what is unknown and what is in the way, and keeps the record", async () => {
    const world = new World();
    const store = createMemoryStore();
    const { engine } = startEngine(world, store);
    await expect(engine.undo.restore()).rejects.toMatchObject({ code: "undo.not-found" });
    const { id } = await deleted(world, store);
    await expect(engine.undo.restore({ reference: "other" })).rejects.toMatchObject({ code: "undo.not-found" });
    await expect(engine.undo.drop("other")).rejects.toMatchObject({ code: "undo.not-found" });
    await expect(engine.undo.restore({ name: "../x" })).rejects.toMatchObject({ code: "usage.invalid" });
    await engine.sessions.create({ repository: "/r", name: "fix" });
    await expect(engine.undo.restore({ reference: "fix" })).rejects.toMatchObject({
      code: "session.name-taken",
      fix: [expect.stringContaining(`clauderon undo ${id} --as`)],
    });
    expect((await engine.undo.list()).map((record) => record.id)).toEqual([id]);
    expect((await (await engine.undo.restore({ reference: id, name: "fix-2" })).detail()).workspace).toBe("/w/fix-2");
  });

  it("leaves no session when it cannot be put back", async () => {
    const world = new World();
    const store = createMemoryStore();
    await deleted(world, store);
    world.isRestoreBroken = true;
    const { engine } = startEngine(world, store);
    await expect(engine.undo.restore()).rejects.toMatchObject({ code: "undo.damaged" });
    expect(await engine.sessions.list()).toEqual([]);
    world.isRestoreBroken = false;
    expect((await (await engine.undo.restore()).detail()).lifecycle).toBe("stopped");
  });

  it("two at once bring one session back", async () => {
    const world = new World();
    const store = createMemoryStore();
    await deleted(world, store);
    const { engine } = startEngine(world, store);
    const both = await Promise.allSettled([engine.undo.restore(), engine.undo.restore({ name: "fix-2" })]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(await engine.sessions.list()).toHaveLength(1);
  });

  it("removes what is over, at the start, and nothing else", async () => {
    const world = new World();
    const store = createMemoryStore();
    await deleted(world, store);
    const at = (now: number): Clock => ({
      now: () => new Date(now),
      monotonicMs: () => performance.now(),
    });
    const early = startEngine(world, store, { clock: at(Date.now() + 29 * DAY_MS) });
    await early.engine.recover();
    expect(await early.engine.undo.list()).toHaveLength(1);
    const late = startEngine(world, store, { clock: at(Date.now() + 31 * DAY_MS) });
    await late.engine.recover();
    expect(await late.engine.undo.list()).toEqual([]);
  });

  it("keeps nothing when told so", async () => {
    const world = new World();
    const { engine } = startEngine(world, createMemoryStore(), { settings: { undoKeepMs: 0 } });
    const session = await engine.sessions.create({ repository: "/r", name: "fix" });
    expect((await session.delete()).undoUntil).toBeUndefined();
    expect(world.undoRecords.size).toBe(0);
  });
});
