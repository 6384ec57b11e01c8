import { afterAll, describe, expect, it } from "vitest";

import { corpus, fires, makeStage, outcomeOf, placed, placements } from "./corpus.ts";

const stage = makeStage();
const counted = { fired: 0, operations: 0, canaries: 0, runs: 0 };

afterAll(() => {
  stage.strike();
  process.stdout.write(
    `hostile repositories: ${String(corpus.length)} vectors, ${String(counted.fired)} of them fire at plain git; ${String(counted.runs)} runs (vector × place) of ${String(counted.operations)} operations, ${String(counted.canaries)} canaries\n`,
  );
});

const runs = corpus.flatMap((vector) =>
  (vector.settings === undefined ? (["repository"] as const) : placements).map((placement) => ({
    name: vector.settings === undefined ? vector.name : `${vector.name} (${placement})`,
    vector,
    placement,
  })),
);

describe("every hostile repository, by itself", () => {
  it.each(runs)("$name", async ({ vector, placement }) => {
    if (placement === "repository") {
      expect(fires(stage.scene(), placed(vector, placement))).toBe(true);
      counted.fired += 1;
    }
    const { canaries, failures, ran } = await outcomeOf(stage.scene(), placed(vector, placement));
    counted.runs += 1;
    counted.operations += ran;
    counted.canaries += canaries.length;
    // With the reasons, for whoever reads a failure.
    const unexpected = Object.entries(failures).filter(
      ([operation]) => !vector.refused?.some((name) => name === operation),
    );
    expect({ canaries, unexpected }).toEqual({ canaries: [], unexpected: [] });
    expect(Object.keys(failures)).toEqual(vector.refused ?? []);
  });
});
