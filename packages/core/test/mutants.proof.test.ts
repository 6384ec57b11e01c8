import { expect, test } from "vitest";

import { mutants } from "./mutants/index.ts";
import { huntMutant } from "./mutants/hunt-mutant.ts";

test.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
  "a backend that %s fails where it says so and nowhere else",
  async (_name, mutant) => {
    const { unexpected, missed } = await huntMutant(mutant);
    expect({ unexpected, missed }).toEqual({ unexpected: [], missed: [] });
  },
);

test("there are at least 25 of them, each of another name", () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  expect(mutants.length).toBeGreaterThanOrEqual(25);
});
