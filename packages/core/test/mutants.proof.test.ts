import { expect, test } from "vitest";

import { huntMutant, type HuntExtent } from "./mutants/hunt-mutant.ts";
import { mutants } from "./mutants/index.ts";

/**
 * Every third meets whole parts of the kit and a neighbour of each other one, the others the cases they are about; with CLAUDERON_MUTANTS=kit every third
 * meets the whole kit, which takes ten minutes more.
 */
const WIDE_EVERY = 3;
const wide: HuntExtent = process.env["CLAUDERON_MUTANTS"] === "kit" ? "kit" : "parts";

const hunts = mutants.map((mutant, index): { name: string; extent: HuntExtent; mutant: typeof mutant } => ({
  name: mutant.name,
  extent: index % WIDE_EVERY === 0 ? wide : "cases",
  mutant,
}));

test.each(hunts)(
  "a backend that $name fails where it says so and nowhere else ($extent)",
  async ({ mutant, extent }) => {
    expect(await huntMutant(mutant, extent)).toEqual({ unexpected: [], missed: [] });
  },
);

test("at least 25 of them, each another fault, meet more than the cases they are about", () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  expect(hunts.filter(({ extent }) => extent === wide).length).toBeGreaterThanOrEqual(25);
});
