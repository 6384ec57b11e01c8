import { afterAll, describe, expect, it } from "vitest";

import { isDeep } from "../scaled.ts";
import { corpus, dealt, fires, makeStage, outcomeOf, placed, placements } from "./corpus.ts";

const stage = makeStage();
const counted = { fired: 0, operations: 0, canaries: 0, runs: 0 };

afterAll(() => {
  stage.strike();
  process.stdout.write(
    `hostile repositories: ${String(corpus.length)} vectors, ${String(counted.fired)} of them fire at plain git; ${String(counted.runs)} runs of ${String(counted.operations)} operations, ${String(counted.canaries)} canaries\n`,
  );
});

const HANDS = 6;

/** By three; those that leave nothing to do for others by themselves, and with `--deep` each. */
const alone = corpus.filter(({ isAlone }) => isDeep || isAlone === true);
const together = isDeep ? [] : dealt(corpus, Math.ceil((corpus.length - alone.length) / 3));

/** Then the settings in their other places, several together, and those by themselves that leave nothing to do for others. */
const runs = [
  ...alone.map((vector) => ({ name: vector.name, vector: placed(vector, "repository") })),
  ...together.map((vector) => ({ name: vector.name, vector })),
  ...placements.slice(1).flatMap((placement) => {
    const settings = corpus.filter((vector) => vector.settings !== undefined);
    const vectors = settings.map((vector) => placed(vector, placement));
    return [...dealt(vectors, HANDS), ...vectors.filter(({ isAlone }) => isAlone === true)].map((vector) => ({
      name: `${vector.name} (${placement})`,
      vector,
    }));
  }),
];

it("each vector fires at plain git", () => {
  for (const vector of corpus) {
    expect([vector.name, fires(stage.scene(), placed(vector, "repository"))]).toEqual([vector.name, true]);
    counted.fired += 1;
  }
});

describe("every hostile repository", () => {
  it.each(runs)("$name", async ({ vector }) => {
    const { canaries, failures, ran } = await outcomeOf(stage.scene(), vector);
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
