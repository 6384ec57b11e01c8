import { execFileSync, spawnSync } from "node:child_process";

import { expect, test } from "vitest";

import { openDatabase } from "../src/open-database.ts";
import { SqliteStore } from "../src/sqlite-store.ts";
import { fixtureCommand } from "./run-fixture.ts";
import { saveSession, StoreHome } from "./store-home.ts";

test("a database at its limit: the append fails cleanly, reads go on, space freed lets it go on", async () => {
  using home = new StoreHome();
  const database = openDatabase(home.path);
  await using store = new SqliteStore(database);
  await saveSession(store, { name: "before" });
  const pages = Number(database.pragma("page_count", { simple: true }));
  database.pragma(`max_page_count = ${pages}`);
  const big = { name: "big", notices: ["x".repeat(100_000)] };
  const error: unknown = await saveSession(store, big).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "store.full",
    retryable: true,
    fix: [expect.stringContaining("free space"), expect.anything()],
  });
  expect((await store.list()).map((state) => state.name)).toEqual(["before"]);
  expect(await store.lastCursor()).toBe(1);
  database.pragma("max_page_count = 100000");
  await saveSession(store, big);
  expect(await store.list()).toHaveLength(2);
});

const canMount = spawnSync("unshare", ["--user", "--map-root-user", "--mount", "true"]).status === 0;
if (!canMount) process.stdout.write("not run: a store on a full disk (no user namespaces here to mount a small one)\n");

/** Runs a fixture on a disk of 2 MiB that only it sees. */
function onSmallDisk(directory: string, command: readonly string[]): string {
  const script = 'mount -t tmpfs -o size=2m small "$1" && shift && exec "$@"';
  return execFileSync(
    "unshare",
    ["--user", "--map-root-user", "--mount", "bash", "-c", script, "bash", directory, ...command],
    { encoding: "utf8" },
  );
}

test.runIf(canMount)("a full disk: every acknowledged append is there, the failed one is not, reads go on", () => {
  using home = new StoreHome();
  const result: unknown = JSON.parse(onSmallDisk(home.directory, fixtureCommand("append-until-full", [home.path])));
  expect(result).toMatchObject({ code: "store.full" });
  const { saved, listed, events } = result as { saved: number; listed: number; events: number };
  expect(saved).toBeGreaterThan(10);
  expect([listed, events]).toEqual([saved, saved]);
});
