import { expect, it } from "vitest";

import { resultsAreTakenBack } from "./result-property.ts";

it("random merges and applications are taken back without a trace", { timeout: 240_000 }, async () => {
  expect(await resultsAreTakenBack(10)).toBeGreaterThan(0);
});
