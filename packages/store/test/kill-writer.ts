import { once } from "node:events";
import { createInterface } from "node:readline";

import { expect } from "vitest";

import { createSqliteStore } from "../src/index.ts";
import { startFixture } from "./run-fixture.ts";
import { StoreHome } from "./store-home.ts";

/** Kills a writer with SIGKILL in each round, every time after another number of acknowledged appends, and looks whether all are there. */
export async function killWriter(
  rounds: readonly number[],
): Promise<{ readonly acknowledged: number; readonly found: number }> {
  using home = new StoreHome();
  let acknowledged = 0;
  let found = 0;
  for (const round of rounds) {
    const child = startFixture("append-forever", [home.path, "victim"]);
    const end = once(child, "exit");
    let lines = 0;
    for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
      acknowledged = Number(line);
      lines += 1;
      if (lines === 1 + ((round * 37) % 150)) child.kill("SIGKILL");
    }
    expect((await end)[1]).toBe("SIGKILL");
    await using store = await createSqliteStore({ path: home.path });
    found = (await store.getByName("victim"))?.revision ?? 0;
    // One more than acknowledged may be there: stored, but killed before it could say so.
    expect(found - acknowledged).toBeGreaterThanOrEqual(0);
    expect(found - acknowledged).toBeLessThanOrEqual(1);
    expect(await store.lastCursor()).toBe(found);
  }
  return { acknowledged, found };
}
