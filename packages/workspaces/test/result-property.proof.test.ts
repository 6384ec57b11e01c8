import { expect, it } from "vitest";

import { resultsAreTakenBack } from "./result-property.ts";
import { scaled } from "./scaled.ts";

const RUNS = scaled({ usual: 50, deep: 1500 });

it(`${String(RUNS)} random merges and applications are taken back without a trace, or refused without one`, async () => {
  const done = await resultsAreTakenBack(RUNS);
  process.stdout.write(`workspaces: of ${String(RUNS)} random results ${String(done)} were done and taken back\n`);
  expect(done).toBeGreaterThan(RUNS / 5);
});
