import { expect, it } from "vitest";

import { walkCreations, walkRestores } from "./checkpoint-walk.ts";

it("a restoration that is cut off is whole or gone", { timeout: 240_000 }, async () => {
  expect(await walkRestores({ step: 29, first: 5 })).toBeGreaterThan(5);
});

it("a creation that is cut off is whole or gone", { timeout: 240_000 }, async () => {
  expect(await walkCreations({ step: 17, first: 3 })).toBeGreaterThan(3);
});
