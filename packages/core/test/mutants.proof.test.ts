import { expect, test } from "vitest";

import { huntMutant, type HuntExtent } from "./mutants/hunt-mutant.ts";
import { mutants } from "./mutants/index.ts";

/** Every third meets the whole kit, the others their own parts of it and a neighbour of each other one: all of it for all takes an hour. */
const WHOLE_EVERY = 3;

const hunts = mutants.map((mutant, index): { name: string; extent: HuntExtent; mutant: typeof mutant } => ({
  name: mutant.name,
  extent: index % WHOLE_EVERY === 0 ? "kit" : "cases",
  mutant,
}));

test.each(hunts)(
  "a backend that $name fails where it says so and nowhere else ($extent)",
  async ({ mutant, extent }) => {
    expect(await huntMutant(mutant, extent)).toEqual({ unexpected: [], missed: [] });
  },
);

test("at least 25 of them, each another fault, meet the whole kit", () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  expect(hunts.filter(({ extent }) => extent === "kit").length).toBeGreaterThanOrEqual(25);
});
