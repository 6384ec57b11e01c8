import { defineConfig } from "vitest/config";

import { testKind } from "./vitest.shared.ts";

/** Where to write a JSON report besides the usual output. */
const report = process.env["CLAUDERON_TEST_REPORT"];

export default defineConfig({
  test: {
    ...(report === undefined ? {} : { reporters: ["default", "json"], outputFile: { json: report } }),
    projects: ["packages/*", "apps/*", "tools"],
    // Proofs and real engines measure or load the machine: one file at a time.
    maxWorkers: testKind === "unit" ? 2 : 1,
    coverage: { include: ["{packages,apps}/*/src/**"] },
  },
});
