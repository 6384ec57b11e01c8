import { afterAll, describe, expect, it } from "vitest";

import { corpus, dealt, makeStage, outcomeOf, placed } from "./corpus.ts";

const HANDS = 4;

const stage = makeStage();
afterAll(stage.strike);

/** One by one, in every place, and that each fires at plain git, is the proof's. */
describe("a hostile repository", () => {
  it("is known in at least 60 ways, each named once", () => {
    expect(corpus.length).toBeGreaterThanOrEqual(60);
    expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
    process.stdout.write(`hostile repositories: ${String(corpus.length)} vectors\n`);
  });

  it("would be one of many: in one that is not hostile everything is done", { timeout: 60_000 }, async () => {
    const { canaries, failures, results } = await outcomeOf(stage.scene(), { name: "none", fire: () => undefined });
    expect({ canaries, failures, results }).toEqual({
      canaries: [],
      failures: {},
      results: ["merge.conflict", "done"],
    });
  });

  it.each(dealt(corpus, HANDS))("$name: nothing of it runs", { timeout: 60_000 }, async (vector) => {
    const { canaries, failures } = await outcomeOf(stage.scene(), placed(vector, "repository"));
    // With the reasons, for whoever reads a failure.
    const unexpected = Object.entries(failures).filter(
      ([operation]) => !vector.refused?.some((name) => name === operation),
    );
    expect({ canaries, unexpected }).toEqual({ canaries: [], unexpected: [] });
    expect(Object.keys(failures)).toEqual(vector.refused ?? []);
  });
});
