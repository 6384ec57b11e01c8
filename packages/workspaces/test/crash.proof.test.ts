import { expect, it } from "vitest";

import { walkCrashes } from "./crash-walk.ts";

it.each([false, true])(
  "a process killed at any point of create leaves what undo removes and create finishes (changes carried: %s)",
  async (withChanges) => {
    const deaths = await walkCrashes(1, withChanges);
    process.stdout.write(`workspaces: killed at ${String(deaths)} points, changes carried: ${String(withChanges)}\n`);
    expect(deaths).toBeGreaterThan(70);
  },
);
