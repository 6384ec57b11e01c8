import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { ClauderonError } from "@clauderon/core/contract";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createSqliteStore } from "../src/index.ts";
import { startFixture } from "./run-fixture.ts";
import { saveSession, StoreHome } from "./store-home.ts";

const filled = new StoreHome();

beforeAll(async () => {
  await using store = await createSqliteStore({ path: filled.path });
  for (let index = 0; index < 50; index += 1) {
    await saveSession(store, { name: `session-${index}`, notices: ["x".repeat(2_000)] });
  }
});

afterAll(() => {
  filled[Symbol.dispose]();
});

/** A home whose store holds 50 sessions, closed cleanly: one file. */
function filledHome(): StoreHome {
  const home = new StoreHome();
  expect(readdirSync(filled.directory)).toEqual(["db.sqlite"]);
  copyFileSync(filled.path, home.path);
  return home;
}

/** A home as a killed process leaves it: part of the data in the log alone. */
async function killedHome(): Promise<StoreHome> {
  const source = new StoreHome();
  const home = new StoreHome();
  await using store = await createSqliteStore({ path: source.path });
  for (let index = 0; index < 20; index += 1) await saveSession(store, { name: `session-${index}` });
  for (const suffix of ["", "-wal"]) copyFileSync(`${source.path}${suffix}`, `${home.path}${suffix}`);
  source[Symbol.dispose]();
  return home;
}

/** Digests of all that holds data: the index of the log and an empty log do not. */
function contentOf(home: StoreHome): Record<string, string> {
  const names = readdirSync(home.directory).filter(
    (name) => !name.endsWith("-shm") && statSync(join(home.directory, name)).size + Number(name === "db.sqlite") > 0,
  );
  const digest = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(home.directory, name)))
      .digest("hex");
  return Object.fromEntries(names.map((name) => [name, digest(name)]));
}

async function refusal(path: string): Promise<ClauderonError> {
  try {
    await createSqliteStore({ path });
  } catch (error) {
    if (ClauderonError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("the store opened");
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const content = readFileSync(path);
  content.set(bytes, offset);
  writeFileSync(path, content);
}

describe("a new store", () => {
  test("is one file for this user alone, and what it holds is there when it opens again", async () => {
    using home = new StoreHome();
    {
      await using store = await createSqliteStore({ path: home.path });
      await saveSession(store, { name: "kept" });
      await store.setFact("instanceId", "id");
      const modes = readdirSync(home.directory).map((name) => statSync(join(home.directory, name)).mode & 0o777);
      expect(modes).toEqual([0o600, 0o600, 0o600]);
    }
    expect(readdirSync(home.directory)).toEqual(["db.sqlite"]);
    await using store = await createSqliteStore({ path: home.path });
    expect((await store.list()).map((state) => state.name)).toEqual(["kept"]);
    expect(await store.getFact("instanceId")).toBe("id");
    expect(await store.lastCursor()).toBe(1);
  });

  test("two made at the same time are one", async () => {
    using home = new StoreHome();
    const runs = await Promise.all(
      ["a", "b", "c"].map(async (fact) => {
        const [code] = await once(startFixture("set-fact", [home.path, fact]), "exit");
        return code;
      }),
    );
    expect(runs).toEqual([0, 0, 0]);
    await using store = await createSqliteStore({ path: home.path });
    expect(await Promise.all(["a", "b", "c"].map((fact) => store.getFact(fact)))).toEqual(["yes", "yes", "yes"]);
    expect(readdirSync(home.directory).filter((name) => name.includes("new"))).toEqual([]);
  });

  test("is as durable as asked: WAL with synchronous FULL", async () => {
    using home = new StoreHome();
    const { openDatabase } = await import("../src/open-database.ts");
    const database = openDatabase(home.path);
    const pragma = (name: string) => database.pragma(name, { simple: true });
    expect([pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")]).toEqual(["wal", 2, 1]);
    expect(pragma("busy_timeout")).toBe(2_000);
    database.close();
  });

  test("the schema of the sources is the schema of the migrations", async () => {
    const result = spawnSync(join(import.meta.dirname, "../node_modules/.bin/drizzle-kit"), ["check"], {
      cwd: join(import.meta.dirname, ".."),
      encoding: "utf8",
    });
    expect(result.stdout).toContain("Everything's fine");
  });
});

const damages: readonly (readonly [string, (path: string) => void])[] = [
  ["emptied", (path) => truncateSync(path, 0)],
  ["cut in the header", (path) => truncateSync(path, 50)],
  ["cut after the first page", (path) => truncateSync(path, 4096)],
  ["cut in the middle of a page", (path) => truncateSync(path, 30_000)],
  ["without its last page", (path) => truncateSync(path, statSync(path).size - 4096)],
  ["with a flipped bit in its first bytes", (path) => overwrite(path, 3, Buffer.from([0x40]))],
  ["with another page size in its header", (path) => overwrite(path, 16, Buffer.from([0x02, 0x00]))],
  ["with zeros over its schema", (path) => overwrite(path, 100, new Uint8Array(3_996))],
  ["with garbage over a page of rows", (path) => overwrite(path, 4096 * 20, Buffer.alloc(4096, 0xa5))],
  ["with zeros over a page of rows", (path) => overwrite(path, 4096 * 20, new Uint8Array(4096))],
  ["that is text", (path) => writeFileSync(path, "not a database\n".repeat(1_000))],
];

describe("a damaged store", () => {
  test.each(damages)("%s is refused, left as it is, and the fix is told", async (_name, damage) => {
    using home = filledHome();
    damage(home.path);
    const before = contentOf(home);
    const error = await refusal(home.path);
    expect(error.code).toBe("store.corrupt");
    expect(error.message).toContain(home.path);
    expect(error.fix.join("\n")).toContain(`mv ${home.path} `);
    expect(contentOf(home)).toEqual(before);
    // A second look does not find it empty either.
    expect((await refusal(home.path)).code).toBe("store.corrupt");
    // What the fix says helps.
    const move = error.fix.find((line) => line.includes("mv "))?.replace(/^.*: mv/, "mv") ?? "";
    for (const command of move.split(" && ")) execFileSync(command.split(" ")[0] ?? "", command.split(" ").slice(1));
    await using store = await createSqliteStore({ path: home.path });
    expect(await store.list()).toEqual([]);
  });

  test.each([
    ["emptied", (path: string) => truncateSync(path, 0)],
    ["with a flipped bit in its first bytes", (path: string) => overwrite(path, 3, Buffer.from([0x40]))],
  ])("%s beside a log that was not folded in: both files stay", async (_name, damage) => {
    using home = await killedHome();
    damage(home.path);
    const before = contentOf(home);
    expect(Object.keys(before)).toHaveLength(2);
    const error = await refusal(home.path);
    expect(error.code).toBe("store.corrupt");
    expect(error.fix.at(-1)).toContain(`mv ${home.path}-wal `);
    expect(contentOf(home)).toEqual(before);
  });

  test("that is gone while its log is there is not started empty", async () => {
    using home = await killedHome();
    unlinkSync(home.path);
    const before = contentOf(home);
    expect((await refusal(home.path)).code).toBe("store.corrupt");
    expect(contentOf(home)).toEqual(before);
  });

  test("a log that a killed process left is read", async () => {
    using home = await killedHome();
    await using store = await createSqliteStore({ path: home.path });
    expect(await store.list()).toHaveLength(20);
  });

  test("a row that is not JSON is told, not skipped", async () => {
    using home = filledHome();
    const database = new Database(home.path);
    database.exec("update sessions set state = 'x' where name = 'session-7'");
    database.close();
    await using store = await createSqliteStore({ path: home.path });
    await expect(store.list()).rejects.toMatchObject({
      code: "store.corrupt",
      why: expect.stringContaining("session-7"),
    });
    expect((await store.getByName("session-8"))?.name).toBe("session-8");
  });
});

describe("a store that is not for this program", () => {
  test("a newer schema is refused with the fix, left as it is", async () => {
    using home = filledHome();
    const database = new Database(home.path);
    database.pragma("user_version = 99");
    database.close();
    const before = contentOf(home);
    const error = await refusal(home.path);
    expect(error.code).toBe("store.newer-schema");
    expect(error.why).toContain("99");
    expect(error.fix[0]).toContain("update");
    expect(contentOf(home)).toEqual(before);
  });

  test("another program's database is refused, left as it is", async () => {
    using home = new StoreHome();
    const database = new Database(home.path);
    database.exec("create table sessions (id text); insert into sessions values ('theirs')");
    database.close();
    const before = contentOf(home);
    expect(await refusal(home.path)).toMatchObject({
      code: "store.failed",
      fix: [expect.stringContaining("mv "), expect.anything()],
    });
    expect(contentOf(home)).toEqual(before);
  });

  test("a directory in its place, or a missing home, is said", async () => {
    using home = new StoreHome();
    mkdirSync(home.path);
    expect((await refusal(home.path)).code).toBe("store.failed");
    expect((await refusal(join(home.directory, "absent", "db.sqlite"))).code).toBe("store.failed");
  });

  test.runIf(process.getuid?.() !== 0)("a file that may not be read is said", async () => {
    using home = filledHome();
    chmodSync(home.path, 0);
    expect((await refusal(home.path)).code).toBe("store.failed");
  });
});
