import { expect, it } from "vitest";

import { walkTaking, walkTakingBack } from "./result-walk.ts";

it("a merge that is cut off is done, or leaves nothing", { timeout: 240_000 }, async () => {
  expect(await walkTaking({ kind: "merge", step: 61 })).toBeGreaterThan(2);
});

it("an undo that is cut off goes on", { timeout: 240_000 }, async () => {
  expect(await walkTakingBack({ kind: "merge", step: 61 })).toBeGreaterThan(1);
});
