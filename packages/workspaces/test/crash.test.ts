import { expect, it } from "vitest";

import { walkCrashes } from "./crash-walk.ts";

it("a process killed in the middle of create leaves what undo removes and create finishes", async () => {
  expect(await walkCrashes(11, false)).toBeGreaterThan(5);
}, 120_000);
