import { defineProject } from "vitest/config";

import { testKind } from "../vitest.shared.ts";

export default defineProject({
  test: { name: "tools", include: testKind === "unit" ? ["**/*.test.ts"] : [] },
});
