import { once } from "node:events";
import { createInterface } from "node:readline";

import { StoreError } from "@clauderon/core/contract";
import Database from "better-sqlite3";
import { expect, test } from "vitest";

import { createSqliteStore } from "../src/index.ts";
import { startFixture } from "./run-fixture.ts";
import { saveSession, StoreHome } from "./store-home.ts";

/** A writer that never rests leaves few gaps, and SQLite queues nobody: who met none within its 2 s tries again. */
async function persistently<Value>(write: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (error) {
      const isBusy = StoreError.isInstance(error) && error.message.includes("another process");
      if (!isBusy || attempt === 10) throw error;
    }
  }
}

test("a second process writes beside this one: each append is whole, stale revisions are refused", async () => {
  using home = new StoreHome();
  await using store = await createSqliteStore({ path: home.path });
  const child = startFixture("append-forever", [home.path, "theirs"]);
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  await once(lines, "line");
  for (let revision = 0; revision < 50; revision += 1) {
    await persistently(() => saveSession(store, { name: "ours", revision: revision + 1 }, revision));
  }
  await expect(persistently(() => saveSession(store, { name: "theirs", revision: 2 }, 0))).rejects.toMatchObject({
    code: "session.wrong-state",
  });
  child.kill("SIGKILL");
  await once(child, "exit");
  const [theirs, ours] = [await store.getByName("theirs"), await store.getByName("ours")];
  expect(ours?.revision).toBe(50);
  expect(await store.lastCursor()).toBe(50 + (theirs?.revision ?? 0));
});

test("a writer that does not let go is named as the reason, after 2 s; reads go on", async () => {
  using home = new StoreHome();
  await using store = await createSqliteStore({ path: home.path });
  await saveSession(store, { name: "before" });
  const other = new Database(home.path);
  other.exec("begin immediate");
  await expect(saveSession(store, { name: "after" })).rejects.toMatchObject({
    code: "store.failed",
    message: expect.stringContaining("another process"),
  });
  expect(await store.list()).toHaveLength(1);
  other.exec("rollback");
  other.close();
  await saveSession(store, { name: "after" });
  expect(await store.list()).toHaveLength(2);
});
