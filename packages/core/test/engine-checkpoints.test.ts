import { describe, expect, it } from "vitest";

import type { WorkspaceCheckpoint } from "../src/contract/workspace-checkpoint.ts";
import { createMemoryStore } from "../src/testing/memory-store.ts";
import { startEngine, World } from "./engine-world.ts";

const DAY_MS = 86_400_000;

async function checkpointOf(world: World, id: string): Promise<WorkspaceCheckpoint> {
  const found = world.checkpoints.get(id);
  if (found === undefined) throw new Error(`no checkpoint ${id}`);
  return found;
}

describe("a session's checkpoints", () => {
  it("are made while it runs; going back ends its agent, and can be undone", async () => {
    const world = new World();
    const { engine } = startEngine(world, createMemoryStore());
    const session = await engine.sessions.create({ repository: "/r", name: "fix" });
    const { conversationId } = await session.detail();
    const made = await engine.checkpoints.create("fix", { note: "before" });
    expect(made).toMatchObject({
      schemaVersion: 1,
      session: "fix",
      sessionId: session.id,
      trigger: "user",
      note: "before",
    });
    expect((await session.detail()).lifecycle).toBe("running");
    const restored = await engine.checkpoints.restore("fix", made.id);
    expect(restored).toMatchObject({ session: "fix", id: made.id, isStopped: true, notices: [] });
    expect(await session.detail()).toMatchObject({ lifecycle: "stopped", conversationId });
    expect(world.rewound).toEqual([made.id]);
    expect(await engine.undo.list()).toMatchObject([{ kind: "restore", id: restored.undoId, name: "fix" }]);
    await engine.undo.takeBack(restored.undoId);
    expect(world.rewound).toEqual([made.id, restored.undoId]);
    await session.start();
    expect((await session.detail()).lifecycle).toBe("running");
    const events = await Array.fromAsync(engine.events({ since: 0, follow: false }));
    expect(events.filter(({ body }) => body.type === "session.result-ended")).toHaveLength(2);
  });

  it("are made before a merge, and that goes on where none can be made", async () => {
    const world = new World();
    const { engine } = startEngine(world, createMemoryStore());
    const session = await engine.sessions.create({ repository: "/r", name: "fix" });
    await session.merge();
    expect(await engine.checkpoints.list("fix")).toMatchObject([{ trigger: "merge" }]);
    expect((await engine.undo.list()).map(({ kind }) => kind)).toEqual(["merge"]);
  });

  it("that cannot be gone back to leave the session as it is", async () => {
    const world = new World();
    const { engine } = startEngine(world, createMemoryStore());
    const session = await engine.sessions.create({ repository: "/r", name: "fix" });
    await engine.sessions.create({ repository: "/r", name: "other" });
    const made = await engine.checkpoints.create("fix");
    await expect(engine.checkpoints.restore("fix", "unknown")).rejects.toMatchObject({ code: "checkpoint.not-found" });
    await expect(engine.checkpoints.restore("other", made.id)).rejects.toMatchObject({ code: "checkpoint.refused" });
    await expect(engine.checkpoints.restore("none", made.id)).rejects.toMatchObject({ code: "session.not-found" });
    expect((await session.detail()).lifecycle).toBe("running");
    world.isRestoreBroken = true;
    await expect(engine.checkpoints.restore("fix", made.id)).rejects.toMatchObject({ code: "checkpoint.refused" });
    world.isRestoreBroken = false;
    expect((await session.detail()).lifecycle).toBe("stopped");
    await engine.checkpoints.restore("fix", made.id);
    await expect(engine.checkpoints.remove([made.id, "unknown"])).rejects.toMatchObject({
      code: "checkpoint.not-found",
    });
    expect(await engine.checkpoints.diff({ from: made.id })).toBe(`${made.id} now`);
    await engine.checkpoints.remove([made.id]);
    await expect(engine.checkpoints.diff({ from: made.id })).rejects.toMatchObject({ code: "checkpoint.not-found" });
  });

  it("are what a new session can begin with", async () => {
    const world = new World();
    const { engine } = startEngine(world, createMemoryStore());
    await engine.sessions.create({ repository: "/r", name: "fix", agent: "agent" });
    const made = await engine.checkpoints.create("fix");
    const request = { repository: "/elsewhere", name: "fork", checkpoint: made.id };
    await expect(engine.sessions.create(request)).rejects.toMatchObject({ code: "checkpoint.refused" });
    world.checkpoints.set(made.id, { ...(await checkpointOf(world, made.id)), head: "1".repeat(40) });
    const detail = await (await engine.sessions.create(request)).detail();
    expect(detail).toMatchObject({ name: "fork", repository: "/r", agent: "agent", lifecycle: "running" });
    const [first, fork] = world.plans;
    expect(fork).toMatchObject({ forkOf: first?.conversationId, isResume: false });
    expect(fork?.conversationId).not.toBe(first?.conversationId);
    expect(first).not.toHaveProperty("forkOf");
    const wrong = { ...request, name: "another" };
    await expect(engine.sessions.create({ ...wrong, base: "main" })).rejects.toMatchObject({ code: "usage.invalid" });
    const gone = engine.sessions.create({ ...wrong, checkpoint: "none" });
    await expect(gone).rejects.toMatchObject({ code: "checkpoint.not-found" });
    expect((await engine.sessions.list()).map(({ name }) => name).toSorted()).toEqual(["fix", "fork"]);
  });

  it("that nobody asked for go when their time is over", async () => {
    const world = new World();
    const store = createMemoryStore();
    const { engine } = startEngine(world, store);
    const session = await engine.sessions.create({ repository: "/r", name: "fix" });
    await session.merge();
    const made = await engine.checkpoints.create("fix");
    const old = new Date(Date.now() - 31 * DAY_MS).toISOString();
    for (const [id, checkpoint] of world.checkpoints) world.checkpoints.set(id, { ...checkpoint, at: old });
    await engine.reconcile();
    expect([...world.checkpoints.keys()]).toEqual([made.id]);
  });
});
