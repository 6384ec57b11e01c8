import { expect, it } from "vitest";

import { branchNames, freeBranchName } from "./branch-names.ts";

it.each([
  ["fix", [], undefined],
  ["fix", ["fix", "fixed", "fi"], undefined],
  ["fix", ["a", "fix/part"], "fix/part"],
  ["fix/part", ["fix"], "fix"],
  ["fix/part/one", ["fix"], "fix"],
  ["fix", ["fix/part/one"], "fix/part/one"],
])("in the way of %s among %j is %s", (name, names, expected) => {
  expect(branchNames(names).blockerOf(name)).toBe(expected);
});

it.each([
  ["fix", ["other"], "fix"],
  ["fix", ["fix"], "fix-2"],
  ["fix", ["fix", "fix-2/part"], "fix-3"],
  ["fix", ["fix/part"], "fix-2"],
  ["fix/part", ["fix"], "fix-part"],
  ["fix/part", ["fix", "fix-part"], "fix-part-2"],
])("free for %s beside %j is %s", (name, names, expected) => {
  expect(freeBranchName(name, branchNames(names))).toBe(expected);
});
