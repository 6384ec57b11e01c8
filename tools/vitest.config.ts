import { defineProject } from "vitest/config";

import { testKind } from "../vitest.shared.ts";

export default defineProject({
  test: {
    name: "tools",
    include: testKind === "unit" ? ["**/*.test.ts"] : [`**/*.${testKind}.test.ts`],
    exclude: testKind === "unit" ? ["**/*.proof.test.ts", "**/*.real.test.ts"] : [],
    testTimeout: testKind === "unit" ? 60_000 : 300_000,
  },
});
