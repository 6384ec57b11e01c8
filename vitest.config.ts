import { defineConfig } from "vitest/config";

/** Where to write a JSON report besides the usual output. */
const report = process.env["CLAUDERON_TEST_REPORT"];

export default defineConfig({
  test: {
    ...(report === undefined ? {} : { reporters: ["default", "json"], outputFile: { json: report } }),
    projects: ["packages/*", "apps/*", "tools"],
    coverage: { include: ["{packages,apps}/*/src/**"] },
  },
});
