import { describe, it } from "vitest";

import { walkFaultsOfCreate } from "./fault-walk.ts";

describe("a file-system call that fails in create", () => {
  // The proof does it before, after, and from then on.
  it("leaves nothing, or what the next create or undo sets right", () => walkFaultsOfCreate("after", false), 120_000);
});
