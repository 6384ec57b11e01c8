import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createMemoryStore } from "../src/testing/memory-store.ts";
import { startEngine, World } from "./engine-world.ts";

const noon = Date.parse("2026-06-01T12:00:00.000Z");
const hourMs = 3_600_000;

describe("a clock that is set back an hour", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: noon });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("changes no order of events, loses no session and mends nothing that is whole", async () => {
    const world = new World();
    const store = createMemoryStore();
    const { engine } = startEngine(world, store);
    await engine.sessions.create({ repository: "/r", name: "before", prompt: "p" });

    vi.setSystemTime(noon - hourMs);
    const later = startEngine(world, store).engine;
    expect((await later.recover()).findings).toEqual([]);
    const after = await later.sessions.create({ repository: "/r", name: "after", prompt: "q" });
    const before = await later.sessions.get("before");
    await before.stop();
    await before.start();
    expect((await later.sessions.list()).map(({ name, lifecycle }) => [name, lifecycle])).toEqual([
      ["before", "running"],
      ["after", "running"],
    ]);
    const events = await Array.fromAsync(later.events({ since: 0, follow: false }));
    const cursors = events.map((event) => event.cursor);
    expect(cursors).toEqual(cursors.toSorted((left, right) => left - right));
    expect(events.at(-1)?.sessionName).toBe("before");
    expect(events.at(-1)?.body.type).toBe("session.started");
    await before.delete({ discard: true });
    await after.delete({ discard: true });
    expect([world.sandboxes.size, world.workspaces.size]).toEqual([0, 0]);
  });
});
