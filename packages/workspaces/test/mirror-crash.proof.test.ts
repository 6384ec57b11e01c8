import { expect, it } from "vitest";

import { mirrorsShowWhatIsVisible } from "./mirror-property.ts";
import { walkMirrorCrashes, walkMirrorFaults } from "./mirror-walk.ts";
import { scaled } from "./scaled.ts";

const STEP = scaled({ usual: 5, deep: 1 });

it("a process killed while it borrows leaves what the next one clears away", async () => {
  const deaths = await walkMirrorCrashes(STEP);
  process.stdout.write(`mirrors: killed at ${String(deaths)} points\n`);
  expect(deaths * STEP).toBeGreaterThan(60);
});

it.each(["before", "after", "from-then-on"] as const)(
  "a file-system call that fails while a session borrows leaves nothing: %s",
  async (mode) => {
    expect((await walkMirrorFaults(mode, STEP)) * STEP).toBeGreaterThan(40);
  },
);

it("borrowers see exactly what is visible, whatever happens to the repository", () =>
  mirrorsShowWhatIsVisible(scaled({ usual: 15, deep: 400 })));
