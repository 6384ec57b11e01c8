import { describe, expect, it } from "vitest";

import type { SessionDetail, SessionStore } from "../src/contract/index.ts";
import { crashPointNames } from "../src/engine/operation-steps.ts";
import { createMemoryStore } from "../src/testing/memory-store.ts";
import { type EngineLife, orphanId, startEngine, World } from "./engine-world.ts";

/** How a crash point is reached: what is there before, and the call that is cut off. */
interface Scenario {
  prepare(world: World, store: SessionStore): Promise<void>;
  act(life: EngineLife, world: World): Promise<unknown>;
}

const create = async (life: EngineLife): Promise<unknown> =>
  life.engine.sessions.create({ repository: "/r", name: "fix", prompt: "the prompt", idempotencyKey: "key" });
const session = async (life: EngineLife): Promise<Awaited<ReturnType<EngineLife["engine"]["sessions"]["get"]>>> =>
  life.engine.sessions.get("fix");

async function running(world: World, store: SessionStore): Promise<void> {
  await create(startEngine(world, store));
}

async function stopped(world: World, store: SessionStore): Promise<void> {
  await running(world, store);
  await (await session(startEngine(world, store))).stop();
}

const scenarios: readonly (readonly [RegExp, Scenario])[] = [
  [/^create\.und/, { prepare: async (world) => void (world.isAgentMissing = true), act: create }],
  [/^create\./, { prepare: async () => undefined, act: create }],
  [
    /^start\.und/,
    {
      prepare: async (world, store) => (await stopped(world, store), void (world.isAgentMissing = true)),
      act: async (life) => (await session(life)).start(),
    },
  ],
  [/^start\./, { prepare: stopped, act: async (life) => (await session(life)).start() }],
  [
    /^access\./,
    {
      prepare: running,
      act: async (life) => (await session(life)).changeAccess({ accessMode: "read-only", isAdvisory: true }),
    },
  ],
  [/^stop\./, { prepare: running, act: async (life) => (await session(life)).stop() }],
  [/^delete\./, { prepare: running, act: async (life) => (await session(life)).delete({ discard: true }) }],
  [/^restore\./, { prepare: deleted, act: async (life) => life.engine.undo.restore({ reference: "fix" }) }],
  [/^archive\./, { prepare: running, act: async (life) => (await session(life)).archive() }],
  [/^unarchive\./, { prepare: archived, act: async (life) => (await session(life)).unarchive() }],
  [/^merge\./, { prepare: running, act: async (life) => (await session(life)).merge() }],
  [/^apply\./, { prepare: running, act: async (life) => (await session(life)).apply() }],
  [
    /^rewind\./,
    {
      prepare: async (world, store) => {
        await stopped(world, store);
        await startEngine(world, store).engine.checkpoints.create("fix");
      },
      act: async ({ engine }, world) => engine.checkpoints.restore("fix", [...world.checkpoints.keys()][0] ?? ""),
    },
  ],
  [/^reconcile\.(destroy-sandbox|remove-workspace)/, { prepare: orphans, act: (life) => life.engine.recover() }],
  [
    /^reconcile\.mark-lost/,
    {
      prepare: async (world, store) => (await running(world, store), world.sandboxes.clear()),
      act: (life) => life.engine.recover(),
    },
  ],
  [
    /^reconcile\.mark-drifted/,
    {
      prepare: async (world, store) => (await running(world, store), endAgents(world)),
      act: (life) => life.engine.recover(),
    },
  ],
  [
    /^reconcile\.adopt/,
    {
      prepare: async (world, store) => (await stopped(world, store), reviveAgents(world)),
      act: (life) => life.engine.recover(),
    },
  ],
];

async function deleted(world: World, store: SessionStore): Promise<void> {
  await running(world, store);
  await (await session(startEngine(world, store))).delete({ discard: true });
}

async function archived(world: World, store: SessionStore): Promise<void> {
  await running(world, store);
  await (await session(startEngine(world, store))).archive();
}

async function orphans(world: World, store: SessionStore): Promise<void> {
  await running(world, store);
  // The same things once more, under an id that no row has.
  const id = orphanId();
  world.tokens.set(id, "of nobody");
  for (const fact of world.sandboxes.values().toArray())
    world.sandboxes.set(id, { ...fact, spec: { ...fact.spec, sandboxId: id, name: "orphan" } });
  for (const record of world.workspaces.values().toArray()) world.workspaces.set(id, { ...record, path: "/w/orphan" });
}

function endAgents(world: World): void {
  for (const fact of world.sandboxes.values())
    fact.agent = { ...fact.agent, state: "exited", exit: { exitCode: 0, isTimedOut: false } };
}

function reviveAgents(world: World): void {
  for (const fact of world.sandboxes.values())
    Object.assign(fact, { isRunning: true, agent: { ...fact.agent, state: "running", exit: undefined } });
}

function expectAgreement(world: World, sessions: readonly SessionDetail[]): void {
  const ids = sessions.map((summary) => summary.id);
  for (const id of world.sandboxes.keys()) expect(ids).toContain(id);
  for (const id of world.workspaces.keys()) expect(ids).toContain(id);
  for (const id of world.tokens.keys()) expect(ids).toContain(id);
  for (const { id, lifecycle, accessMode } of sessions) {
    if (world.policies.has(id)) expect(world.policies.get(id)?.accessMode).toBe(accessMode);
    expect(["running", "stopped", "failed", "archived"]).toContain(lifecycle);
    if (lifecycle !== "failed") expect(world.workspaces.has(id)).toBe(lifecycle !== "archived");
    expect(world.undoRecords.has(id)).toBe(lifecycle === "archived");
    const sandbox = world.sandboxes.get(id);
    expect(sandbox?.agent.state === "running").toBe(lifecycle === "running");
    if (lifecycle === "running") expect(sandbox?.environment["HTTPS_PROXY"]).toBe(world.tokens.get(id));
  }
  expect(world.prompts.length).toBeLessThanOrEqual(1);
}

// An agent's end is told by the backend, not by a call: the walk over real processes covers it.
const points = crashPointNames.filter((name) => !name.startsWith("watch."));

describe("a crash at", () => {
  it.each(points)("%s converges", async (point) => {
    const scenario = scenarios.find(([pattern]) => pattern.test(point))?.[1];
    if (scenario === undefined) throw new Error(`no scenario reaches ${point}`);
    const world = new World();
    const store = createMemoryStore();
    await scenario.prepare(world, store);

    const life = startEngine(world, store, point);
    await scenario.act(life, world).catch(() => undefined);
    expect(life.isDead()).toBe(true);

    world.isAgentMissing = false;
    const { engine } = startEngine(world, store);
    await engine.recover();
    const sessions = await Promise.all(
      (await engine.sessions.list()).map(async ({ id }) => (await engine.sessions.get(id)).detail()),
    );
    expectAgreement(world, sessions);
    expect((await engine.reconcile({ isDryRun: true })).findings).toEqual([]);

    // A session whose creation failed has nothing outside.
    if (sessions[0]?.lifecycle === "failed" && point.startsWith("create.")) {
      expect([world.sandboxes.size, world.workspaces.size, world.tokens.size]).toEqual([0, 0, 0]);
    }

    // The caller tries again with its key: the same session, running, its prompt delivered once.
    if (point.startsWith("create.")) {
      await engine.sessions
        .create({ repository: "/r", name: "fix", prompt: "the prompt", idempotencyKey: "key" })
        .catch(() => undefined);
      const [summary, ...others] = await engine.sessions.list();
      expect(others).toEqual([]);
      if (summary?.lifecycle !== "running") await (await engine.sessions.get("fix")).start();
      expect(world.prompts).toEqual(["the prompt"]);
    }
    // What was done can be taken back, what was not leaves nothing; the session goes on.
    if (point.startsWith("merge.") || point.startsWith("apply.")) {
      expect(sessions.map(({ lifecycle }) => lifecycle)).toEqual(["running"]);
      const records = await engine.undo.list();
      expect(records.map(({ id }) => id)).toEqual([...world.results.keys()]);
      for (const { id } of records) await engine.undo.takeBack(id);
      const again = await (await engine.sessions.get("fix")).merge();
      await engine.undo.takeBack(again.undoId ?? "");
      expect(world.results.size).toBe(0);
    }
    if (point.startsWith("rewind.")) {
      expect(sessions.map(({ lifecycle }) => lifecycle)).toEqual(["stopped"]);
      const [id = ""] = world.checkpoints.keys();
      const { undoId } = await engine.checkpoints.restore("fix", id);
      expect(await engine.undo.takeBack(undoId)).toMatchObject({ kind: "restore", id: undoId, name: "fix" });
      expect(world.rewound.slice(-2)).toEqual([id, undoId]);
    }
    for (const { id } of await engine.sessions.list()) await (await engine.sessions.get(id)).delete({ discard: true });
    expect([world.sandboxes.size, world.workspaces.size, (await engine.sessions.list()).length]).toEqual([0, 0, 0]);
    expect(world.tokens.size).toBe(0);
  });

  it("every point that has a name is reached by a scenario, and no other exists", async () => {
    const reached = new Set<string>();
    for (const [, scenario] of scenarios) {
      const world = new World();
      const store = createMemoryStore();
      await scenario.prepare(world, store);
      const life = startEngine(world, store);
      await scenario.act(life, world).catch(() => undefined);
      for (const name of life.reached) reached.add(name);
    }
    expect([...reached].toSorted()).toEqual([...points].toSorted());
  });
});
