import { describe, expect, test } from "vitest";

import { requirements } from "../src/testing/index.ts";
import { huntMutant } from "./mutants/hunt-mutant.ts";
import { mutants } from "./mutants/index.ts";

/** One per part of the contract; the proof runs all of them against the whole kit. */
const representatives = [
  "swaps stdout and stderr of commands that write to both",
  "ignores the mode",
  "takes input after the end without a word",
  "throws when it is destroyed twice",
  "lists foreign sandboxes",
];

describe.concurrent("backends broken on purpose", { timeout: 120_000 }, () => {
  test.each(representatives)("one that %s fails where it should", async (name) => {
    const mutant = mutants.find((each) => each.name === name);
    if (mutant === undefined) throw new Error(`there is no mutant that ${name}`);
    expect(await huntMutant(mutant, "cases")).toEqual({ unexpected: [], missed: [] });
  });
});

test("every mutant names cases that exist", () => {
  const named = mutants.flatMap(({ fails, mayFail }) => [...fails, ...(mayFail ?? [])]);
  expect(named.filter((id) => !(id in requirements))).toEqual([]);
});
