import { expect, it } from "vitest";

import { resultsAreTakenBack } from "./result-property.ts";

it("150 random merges and applications are taken back without a trace, or refused without one", async () => {
  const done = await resultsAreTakenBack(150);
  process.stdout.write(`workspaces: of 150 random results ${String(done)} were done and taken back\n`);
  expect(done).toBeGreaterThan(30);
});
