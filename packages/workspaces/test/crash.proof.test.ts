import { expect, it } from "vitest";

import { walkCrashes } from "./crash-walk.ts";
import { scaled } from "./scaled.ts";

const STEP = scaled({ usual: 3, deep: 1 });

it.each([false, true])(
  "a process killed in the middle of create leaves what undo removes and create finishes (changes carried: %s)",
  async (withChanges) => {
    const deaths = await walkCrashes(STEP, withChanges);
    process.stdout.write(`workspaces: killed at ${String(deaths)} points, changes carried: ${String(withChanges)}\n`);
    expect(deaths * STEP).toBeGreaterThan(70);
  },
);
