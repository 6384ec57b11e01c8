import { describe, it } from "vitest";

import { walkFaultsOfCreate, walkFaultsOfRemove } from "./fault-walk.ts";

describe.each(["before", "after", "from-then-on"] as const)("a file-system call that fails: %s", (mode) => {
  it("in create with changes carried over", () => walkFaultsOfCreate(mode, true));
  it("in remove", () => walkFaultsOfRemove(mode));
});
