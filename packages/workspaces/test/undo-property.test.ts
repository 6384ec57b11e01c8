import { expect, it } from "vitest";

import { undoBringsBack } from "./undo-property.ts";

it("undo brings random workspaces back", { timeout: 120_000 }, async () => {
  expect(await undoBringsBack(8)).toBe(8);
});
