import { expect, it } from "vitest";

import { mirrorsShowWhatIsVisible } from "./mirror-property.ts";
import { walkMirrorCrashes, walkMirrorFaults } from "./mirror-walk.ts";

it("a process killed at any point while it borrows leaves what the next one clears away", async () => {
  const deaths = await walkMirrorCrashes(1);
  process.stdout.write(`mirrors: killed at ${String(deaths)} points\n`);
  expect(deaths).toBeGreaterThan(60);
});

it.each(["before", "after", "from-then-on"] as const)(
  "any file-system call that fails while a session borrows leaves nothing: %s",
  async (mode) => {
    expect(await walkMirrorFaults(mode, 1)).toBeGreaterThan(40);
  },
);

it("borrowers see exactly what is visible, whatever happens to the repository", () => mirrorsShowWhatIsVisible(40));
