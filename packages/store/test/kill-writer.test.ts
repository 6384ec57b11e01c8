import { expect, test } from "vitest";

import { killWriter } from "./kill-writer.ts";

test("kill -9 of a writer loses no acknowledged append", async () => {
  expect((await killWriter([0, 1, 2, 3])).acknowledged).toBeGreaterThan(4);
}, 120_000);
