import { expect, it } from "vitest";

import { walkCreations, walkRestores } from "./checkpoint-walk.ts";

it("a restoration that is cut off at any point is whole or gone", { timeout: 3_000_000 }, async () => {
  expect(await walkRestores({ step: 1 })).toBeGreaterThan(100);
});

it("a creation that is cut off at any point is whole or gone", { timeout: 3_000_000 }, async () => {
  expect(await walkCreations({ step: 1 })).toBeGreaterThan(50);
});
