import { expect, test } from "vitest";

import { killWriter } from "./kill-writer.ts";

/** Stores beside each other: their writers wait for the disk most of the time. */
const lanes = 4;

test("kill -9 of a writer, 60 times, loses no acknowledged append", async () => {
  const rounds = Array.from({ length: 60 }, (_, round) => round);
  const results = await Promise.all(
    Array.from({ length: lanes }, (_, lane) => killWriter(rounds.filter((round) => round % lanes === lane))),
  );
  const acknowledged = results.reduce((sum, result) => sum + result.acknowledged, 0);
  process.stdout.write(`60 kills, ${acknowledged} acknowledged appends, none lost\n`);
  expect(acknowledged).toBeGreaterThan(60);
});
