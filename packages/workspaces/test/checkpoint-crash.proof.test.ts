import { expect, it } from "vitest";

import { walkCreations, walkRestores } from "./checkpoint-walk.ts";
import { scaled } from "./scaled.ts";

it("a restoration that is cut off is whole or gone", async () => {
  const step = scaled({ usual: 13, deep: 1 });
  const deaths = await walkRestores({ step });
  process.stdout.write(`checkpoints: going back cut off at ${String(deaths)} points\n`);
  expect(deaths * step).toBeGreaterThan(500);
});

it("a creation that is cut off is whole or gone", async () => {
  const step = scaled({ usual: 9, deep: 1 });
  const deaths = await walkCreations({ step });
  process.stdout.write(`checkpoints: creation cut off at ${String(deaths)} points\n`);
  expect(deaths * step).toBeGreaterThan(200);
});
