import { describe, it } from "vitest";

import { walkFaultsOfCreate } from "./fault-walk.ts";

describe("a file-system call that fails in create", () => {
  it.each(["before", "after", "from-then-on"] as const)(
    "leaves nothing, or what the next create or undo sets right: %s",
    (mode) => walkFaultsOfCreate(mode, false),
    120_000,
  );
});
