import { describe, expect, it } from "vitest";

import { createMemoryStore } from "../src/testing/memory-store.ts";
import { startEngine, World, worldGuest } from "./engine-world.ts";

const request = { repository: "/r", name: "fix" };

describe("a session's access", () => {
  it("is stored with it, held by the proxy, and there again for another engine", async () => {
    const world = new World();
    const store = createMemoryStore();
    const { engine } = startEngine(world, store, { settings: { access: { deny: ["a.example"], isAdvisory: true } } });
    const session = await engine.sessions.create({ ...request, network: "listed", budget: "5usd" });
    const access = { accessMode: "read-write", network: "listed", allow: [], deny: ["a.example"], budget: "5usd" };
    expect(await session.detail()).toMatchObject({ ...access, isAdvisory: true });
    expect(world.policies.get(session.id)).toEqual({ ...access, isAdvisory: true });

    const changed = await session.changeAccess({ accessMode: "read-only", allow: ["a.example"] });
    expect(changed).toMatchObject({ accessMode: "read-only", allow: ["a.example"], deny: [] });
    expect(world.policies.get(session.id)).toMatchObject({ accessMode: "read-only", allow: ["a.example"], deny: [] });
    const { engine: next } = startEngine(world, store);
    expect(await (await next.sessions.get("fix")).detail()).toMatchObject({
      accessMode: "read-only",
      network: "listed",
    });
    const events: string[] = [];
    for await (const { body } of next.events({ since: 0, follow: false })) events.push(body.type);
    expect(events.at(-1)).toBe("session.access-changed");
  });

  it("of a sandbox with a channel comes with it at each creation, opening and start, and nothing comes with others", async () => {
    const world = new World();
    const store = createMemoryStore();
    const { engine } = startEngine(world, store);
    await engine.sessions.create({ ...request, name: "other" });
    expect(world.parts).toEqual([{ call: "create" }]);
    world.parts.length = 0;
    world.powers = { channel: true, isolation: "container" };
    const { engine: able } = startEngine(world, store);
    const { id } = await able.sessions.create(request);
    const channel = { kind: "socket", directory: `/channels/${id}`, proxyPort: 3 };
    expect(world.parts).toEqual([{ call: "create", guest: worldGuest, channel }]);
    const { engine: next } = startEngine(world, store);
    const session = await next.sessions.get("fix");
    await session.stop();
    await session.start();
    expect(world.parts.slice(1)).toEqual(["open", "start"].map((call) => ({ call, guest: worldGuest, channel })));
  });

  it("survives a deletion that is undone", async () => {
    const { engine } = startEngine(new World(), createMemoryStore());
    const session = await engine.sessions.create({ ...request, accessMode: "read-only", isAdvisory: true });
    await session.delete({ discard: true });
    expect(await (await engine.undo.restore({ reference: "fix" })).detail()).toMatchObject({ accessMode: "read-only" });
  });

  it("is refused before anything is made where the agent can go round and nobody took that", async () => {
    const world = new World();
    const { engine } = startEngine(world, createMemoryStore());
    await expect(engine.sessions.create({ ...request, network: "none" })).rejects.toMatchObject({
      code: "usage.invalid",
    });
    expect([await engine.sessions.list(), world.workspaces.size]).toEqual([[], 0]);
    const session = await engine.sessions.create(request);
    await expect(session.changeAccess({ deny: ["a.example"] })).rejects.toMatchObject({ code: "usage.invalid" });
    expect(world.policies.get(session.id)).toMatchObject({ deny: [] });
  });

  it("is not said to hold for a session that runs without an identity", async () => {
    const world = new World();
    const { engine } = startEngine(world, createMemoryStore());
    const session = await engine.sessions.create(request);
    world.tokens.clear();
    const change = { accessMode: "read-only", isAdvisory: true } as const;
    await expect(session.changeAccess(change)).rejects.toMatchObject({ code: "session.wrong-state" });
    expect(await session.detail()).toMatchObject({ accessMode: "read-write" });
    await session.stop();
    expect(await session.changeAccess(change)).toMatchObject({ accessMode: "read-only" });
    await session.start();
    expect(world.policies.get(session.id)).toMatchObject({ accessMode: "read-only" });
  });
});

it("what a session used is not forgotten by a start that fails, but with the session", async () => {
  const world = new World();
  const { engine } = startEngine(world, createMemoryStore());
  const session = await engine.sessions.create({ ...request, budget: "5usd" });
  await session.stop();
  world.isAgentMissing = true;
  await expect(session.start()).rejects.toMatchObject({ code: "command.not-found" });
  expect([world.tokens.size, world.used.size]).toEqual([0, 1]);
  await session.delete({ discard: true });
  expect(world.used.size).toBe(0);
});

describe("a backend that isolates", () => {
  it("is told the network, from its creation on and at each change", async () => {
    const world = new World();
    world.powers = { isolation: "container", networkPolicy: true };
    const { engine } = startEngine(world, createMemoryStore());
    const session = await engine.sessions.create({ ...request, allow: ["a.example"] });
    expect(await session.detail()).toMatchObject({ network: "listed", isAdvisory: false });
    await session.changeAccess({ network: "none" });
    expect(world.networks).toEqual([
      { mode: "listed", allow: ["a.example"] },
      { mode: "none", allow: ["a.example"] },
    ]);
  });

  it("that cannot hold a network back refuses one that was named", async () => {
    const world = new World();
    world.powers = { isolation: "container" };
    const { engine } = startEngine(world, createMemoryStore());
    const unsupported = { code: "capability.unsupported" };
    await expect(engine.sessions.create({ ...request, network: "none" })).rejects.toMatchObject(unsupported);
    const session = await engine.sessions.create(request);
    await expect(session.changeAccess({ network: "none" })).rejects.toMatchObject(unsupported);
    expect(await session.detail()).toMatchObject({ network: "open" });
  });
});
