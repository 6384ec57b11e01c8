import { expect, it } from "vitest";

import { walkCreations, walkRestores } from "./checkpoint-walk.ts";

it("a restoration that is cut off is whole or gone", { timeout: 240_000 }, async () => {
  expect(await walkRestores({ step: 59, first: 5 })).toBeGreaterThan(2);
});

it("a creation that is cut off is whole or gone", { timeout: 240_000 }, async () => {
  expect(await walkCreations({ step: 31, first: 3 })).toBeGreaterThan(1);
});
