import { performance } from "node:perf_hooks";

import { expect, test } from "vitest";

import { createSqliteStore } from "../src/index.ts";
import { saveSession, StoreHome } from "./store-home.ts";

test("a list of 1,000 sessions takes 10 ms at most", async () => {
  using home = new StoreHome();
  await using store = await createSqliteStore({ path: home.path });
  for (let index = 0; index < 1_000; index += 1) await saveSession(store, { name: `session-${index}` });
  const times: number[] = [];
  for (let run = 0; run < 15; run += 1) {
    const start = performance.now();
    expect(await store.list()).toHaveLength(1_000);
    times.push(performance.now() - start);
  }
  // The quickest: neighbours on the machine only add to what the list itself takes.
  expect(Math.min(...times)).toBeLessThanOrEqual(10);
});
