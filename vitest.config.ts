import { defineConfig } from "vitest/config";

import { testKind } from "./vitest.shared.ts";

export default defineConfig({
  test: {
    projects: ["packages/*", "apps/*", "tools"],
    // Proofs and real engines measure or load the machine: one file at a time.
    maxWorkers: testKind === "unit" ? 2 : 1,
    coverage: { include: ["{packages,apps}/*/src/**"] },
  },
});
