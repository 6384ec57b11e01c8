import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { createSqliteStore } from "../src/create-sqlite-store.ts";
import { fixtureCommand } from "./run-fixture.ts";

// Fails, and kills at, every n-th system call by which SQLite changes a file, on the main thread alone (SQLite runs there; no -f).
const hasStrace = spawnSync("strace", ["-V"]).status === 0;
const isRequired = process.env["CLAUDERON_REQUIRE"]?.split(",").includes("strace") === true;
if (!hasStrace && !isRequired) process.stdout.write("system calls were not failed: there is no strace\n");

const calls = ["pwrite64", "fsync", "ftruncate", "unlink"] as const;
const faults = ["error=ENOSPC", "error=EIO", "signal=KILL"] as const;
/** More than any of the calls happens in the fixture: a walk that gets here did not end by itself. */
const mostCalls = 200;
/** Each waits for the disk most of its time. */
const atOnce = 2;
const deadlineMs = 120_000;

const root = mkdtempSync(path.join(tmpdir(), "clauderon-calls-"));
let points = 0;

interface Point {
  readonly call: string;
  readonly fault: string;
  readonly nth: number;
}

interface Outcome {
  readonly done: ReadonlySet<string>;
  readonly failed: readonly string[];
  readonly isKilled: boolean;
  /** False once the call happens fewer times than that. */
  readonly isInjected: boolean;
}

function run(database: string, { call, fault, nth }: Point): Promise<Outcome> {
  const trace = `${database}.trace`;
  const strace = ["-o", trace, "-e", `trace=${call}`, "-e", `inject=${call}:${fault}:when=${nth}`];
  const program = fixtureCommand("fault-writer", [database]);
  return new Promise((resolve, reject) => {
    execFile("strace", [...strace, ...program], { timeout: deadlineMs }, (error, stdout) => {
      const isKilled = error?.signal === "SIGKILL" && !error.killed;
      if (error !== null && !isKilled) {
        reject(error);
        return;
      }
      const lines = stdout.trim().split("\n");
      resolve({
        done: new Set(lines.filter((line) => line.startsWith("done ")).map((line) => line.slice(5))),
        failed: lines.filter((line) => line.startsWith("failed ")),
        isKilled,
        isInjected: isKilled || readFileSync(trace, "utf8").includes("(INJECTED)"),
      });
    });
  });
}

async function namesIn(database: string): Promise<ReadonlySet<string>> {
  await using store = await createSqliteStore({ path: database });
  const { events } = await store.events(0);
  const rows = await store.list();
  // Event and row come together or not at all.
  expect(new Set(events.map((event) => event.sessionName))).toEqual(new Set(rows.map((row) => row.name)));
  return new Set(rows.map((row) => row.name));
}

/** Gives whether there was an n-th call. */
async function hold(point: Point): Promise<boolean> {
  const database = path.join(mkdtempSync(path.join(root, "d-")), "db.sqlite");
  const outcome = await run(database, point);
  const place = JSON.stringify(point);
  for (const failure of outcome.failed) expect(`${place} ${failure}`).toMatch(/ store\.(?:full|failed|corrupt)$/);
  const stored = await namesIn(database);
  for (const name of ["one", "two", "three"]) {
    // What was acknowledged is there; what was not may be there only if nobody could be told.
    const isThere = stored.has(name);
    if (outcome.done.has(name)) expect({ place, name, isThere }).toEqual({ place, name, isThere: true });
    else if (!outcome.isKilled) expect({ place, name, isThere }).toEqual({ place, name, isThere: false });
  }
  return outcome.isInjected;
}

describe.skipIf(!hasStrace && !isRequired)("a system call that fails", () => {
  afterAll(() => {
    process.stdout.write(`store: ${points} system calls failed or were the last\n`);
    rmSync(root, { recursive: true, force: true, maxRetries: 10 });
  });

  it.each(calls.flatMap((call) => faults.map((fault) => [call, fault] as const)))(
    "%s %s, at every place",
    async (call, fault) => {
      let happened = 0;
      for (let nth = 1; nth <= mostCalls; nth += atOnce) {
        const places = Array.from({ length: atOnce }, (_, index) => ({ call, fault, nth: nth + index }));
        const isInjected = await Promise.all(places.map(hold));
        happened += isInjected.filter(Boolean).length;
        if (!isInjected.includes(false)) continue;
        expect(happened).toBeGreaterThan(0);
        points += happened;
        return;
      }
      throw new Error(`${call} goes on for more than ${mostCalls} times`);
    },
  );
});
