import { rm } from "node:fs/promises";

import { expect, it } from "vitest";

import { removeTree } from "../../src/remove-tree.ts";
import { removeWhileSwapping } from "./swapping.ts";

const SWAPS = 100_000;

/** Removal by path: looks, and then goes where the path leads by then. */
async function removeByPath(path: string): Promise<void> {
  for (;;) {
    try {
      return await rm(path, { recursive: true, force: true });
    } catch {
      // The swapping got in its way: once more.
    }
  }
}

it.runIf(process.platform === "linux")("100,000 swaps while we remove: nothing outside is touched", async () => {
  const byPath = await removeWhileSwapping(removeByPath, SWAPS);
  // Else the loop would show nothing.
  expect(byPath.accesses).toBe(1);
  const { accesses, removals, swaps } = await removeWhileSwapping(removeTree, SWAPS);
  process.stdout.write(
    `swapping: a removal by path hit outside after ${String(byPath.removals)} removals; ours in ${String(removals)} removals and ${String(swaps)} swaps ${String(accesses)} times\n`,
  );
  expect({ accesses, isEnough: swaps >= SWAPS }).toEqual({ accesses: 0, isEnough: true });
});
