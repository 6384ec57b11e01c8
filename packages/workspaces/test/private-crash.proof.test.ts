import { expect, it } from "vitest";

import { walkCrashes } from "./crash-walk.ts";

it("a process killed in the middle of making a private workspace leaves what undo removes and create finishes", async () => {
  expect(await walkCrashes(29, true, { isPrivate: true })).toBeGreaterThan(3);
}, 120_000);
