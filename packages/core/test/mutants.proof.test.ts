import { availableParallelism } from "node:os";

import { afterAll, describe, expect, test } from "vitest";

import type { HuntExtent } from "./mutants/hunt-mutant.ts";
import { HuntPool } from "./mutants/hunt-pool.ts";
import { mutants } from "./mutants/index.ts";

/** So many, evenly spread, meet the whole kit; the others the cases they are about and some more. CLAUDERON_MUTANTS=kit: every one meets the whole. */
const WHOLE = process.env["CLAUDERON_MUTANTS"] === "kit" ? mutants.length : 26;
const whole = new Set(Array.from({ length: WHOLE }, (_, index) => Math.floor((index * mutants.length) / WHOLE)));

const hunts = mutants.map(({ name }, index): { name: string; extent: HuntExtent } => ({
  name,
  extent: whole.has(index) ? "kit" : "cases",
}));

// One more than there are processors: a mutant that lets a case wait in vain leaves its own idle.
const pool = new HuntPool(Math.min(availableParallelism(), 4) + 1);
afterAll(() => pool[Symbol.dispose]());

describe.concurrent("backends broken on purpose", () => {
  // The whole kit first: the short ones fill up the end.
  const ordered = hunts.toSorted((left, right) => Number(right.extent === "kit") - Number(left.extent === "kit"));
  test.each(ordered)("one that $name fails where it says so and nowhere else ($extent)", async (hunt) => {
    expect(await pool.hunt(hunt)).toEqual({ unexpected: [], missed: [] });
  });
});

test("at least 25 of them, each another fault, meet the whole kit", () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  expect(hunts.filter(({ extent }) => extent === "kit").length).toBeGreaterThanOrEqual(25);
});
