import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { systemClock } from "@clauderon/core/host";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { AuthorityKeeper } from "./authority-keeper.ts";
import { createAuthorityStore } from "./authority-store.ts";

const longMs = 180_000;
const here = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "clauderon-ca-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
});

interface Places {
  readonly authorityPath: string;
  readonly bundlePath: string;
}

const placesIn = (name: string): Places => ({
  authorityPath: join(directory, name, "proxy", "authority.pem"),
  bundlePath: join(directory, name, "proxy-ca.pem"),
});

/** Runs the work in a program that dies before its step of that number; true when there was no such step. */
async function runUntil(step: number, places: Places, work: string): Promise<boolean> {
  const script = `
    const { AuthorityKeeper } = await import(${here("authority-keeper.ts")});
    const clock = { now: () => new Date(), monotonicMs: () => 0 };
    const keeper = await AuthorityKeeper.load({ ...${JSON.stringify(places)}, roots: [], clock });
    ${work}`;
  const before = [
    "--conditions",
    "@clauderon/source",
    "--import",
    JSON.parse(here("testing/kill-at-step.fixture.ts")) as string,
  ];
  const environment = { ...process.env, KILL_AT: String(step) };
  const child = execFile(process.execPath, [...before, "--input-type=module", "-e", script], { env: environment });
  const stderr = text(child.stderr!);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  expect(await stderr).toBe("");
  expect(signal === "SIGKILL" || code === 0).toBe(true);
  return code === 0;
}

const load = async (places: Places): ReturnType<typeof AuthorityKeeper.load> =>
  AuthorityKeeper.load({ ...places, roots: [], clock: systemClock });

async function ids(places: Places): Promise<readonly string[]> {
  const found = await createAuthorityStore(places.authorityPath, systemClock).load();
  // What sandboxes trust is complete again after the next start.
  const bundle = await readFile(places.bundlePath, "utf8");
  expect(bundle).toBe(found.map(({ certificatePem }) => certificatePem.trim()).join("\n") + "\n");
  return found.map(({ id }) => id);
}

async function noKeyIsOpen(places: Places): Promise<void> {
  const directoryOfKeys = join(places.authorityPath, "..");
  for (const name of await readdir(directoryOfKeys).catch(() => []))
    expect((await stat(join(directoryOfKeys, name))).mode & 0o077).toBe(0);
}

describe("B4 kill -9 at every step", () => {
  it.each([
    ["creation", "", 0],
    ["rotation", "await keeper.rotate();", 1],
    ["the end of an overlap", "await keeper.retire(() => new Set());", 2],
  ])(
    "of %s leaves the old or the new, never half, and the next start is whole",
    async (_name, work, count) => {
      const outcomes = new Set<string>();
      let step = 0;
      for (let isDone = false; !isDone; step += 1) {
        const places = placesIn(String(step));
        if (count > 0) await load(places);
        if (count > 1) await (await load(places)).rotate();
        const before = count > 0 ? await ids(places) : [];
        isDone = await runUntil(step, places, work);
        await noKeyIsOpen(places);
        await load(places);
        const after = await ids(places);
        const old = JSON.stringify(after) === JSON.stringify(before);
        const isNew =
          count === 0
            ? after.length === 1
            : count === 1
              ? after.length === 2 && after[1] === before[0]
              : after.length === 1 && after[0] === before[0];
        expect({ step, before, after, isOneOfBoth: old !== isNew }).toMatchObject({ isOneOfBoth: true });
        outcomes.add(old ? "old" : "new");
      }
      expect(step).toBeGreaterThan(8);
      expect(outcomes).toEqual(new Set(count === 0 ? ["new"] : ["old", "new"]));
    },
    longMs,
  );
});
