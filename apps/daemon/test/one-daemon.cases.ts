import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

import { findRunningDaemon } from "@clauderon/core";
import { expect } from "vitest";

import { TestHome } from "./daemon-process.ts";
import { until } from "./until.ts";

/** Starts so many daemons of one home at once: one wins, the others name it and leave everything alone. */
export async function expectOneDaemon(count: number): Promise<void> {
  await using home = new TestHome();
  const started = Array.from({ length: count }, () => home.start());
  const losers = new Set<number>();
  const ends = started.map(async ({ ended }, index) => {
    const end = await ended;
    losers.add(index);
    return end;
  });
  await until(() => losers.size === count - 1, "more than one daemon goes on", 300_000);
  const winner = await findRunningDaemon(home.home);
  expect(winner?.pid).toBe(started.find((_, index) => !losers.has(index))?.child.pid);
  const database = statSync(path.join(home.home, "db.sqlite")).ino;
  for (const index of losers) {
    const { code, stderr } = (await ends[index]) ?? { code: -1, stderr: "" };
    expect(code).toBe(1);
    const { error } = JSON.parse(stderr) as { readonly error: { readonly code: string; readonly message: string } };
    expect(error.code).toBe("daemon.already-running");
    expect(error.message).toContain(String(winner?.pid));
    expect(error.message).toContain(winner?.url);
  }
  expect(statSync(path.join(home.home, "db.sqlite")).ino).toBe(database);
  expect(readdirSync(home.home).filter((name) => name.startsWith("daemon.json"))).toEqual(["daemon.json"]);
  // The winner goes on writing: the last line may be half.
  const log = readFileSync(path.join(home.home, "logs", "daemon.log"), "utf8")
    .split("\n")
    .slice(0, -1);
  expect(log.every((line) => (JSON.parse(line) as { readonly pid: number }).pid === winner?.pid)).toBe(true);
}
