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

/** Cases beside the ones that must fail, to see that these hold. */
const neighbours = ["exec:exit:1", "files:bytes:all", "terminal:exit:code", "lifecycle:stop:twice", "list:ours"];

describe.concurrent("backends broken on purpose", () => {
  test.each(representatives)("one that %s fails where it should", async (name) => {
    const mutant = mutants.find((each) => each.name === name);
    if (mutant === undefined) throw new Error(`there is no mutant that ${name}`);
    const { unexpected, missed } = await huntMutant(mutant, [...mutant.fails, ...neighbours]);
    expect({ unexpected, missed }).toEqual({ unexpected: [], missed: [] });
  });
});

test("every mutant names cases that exist", () => {
  const named = mutants.flatMap(({ fails, mayFail }) => [...fails, ...(mayFail ?? [])]);
  expect(named.filter((id) => !(id in requirements))).toEqual([]);
});
