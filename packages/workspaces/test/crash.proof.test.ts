import { expect, it } from "vitest";

import { walkCrashes } from "./crash-walk.ts";

it.each([false, true])(
  "a process killed at any point of create leaves what undo removes and create finishes (changes carried: %s)",
  async (withChanges) => {
    expect(await walkCrashes(1, withChanges)).toBeGreaterThan(50);
  },
);
