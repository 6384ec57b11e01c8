import { expect, it } from "vitest";

import { namesInside } from "./send-host-branches.ts";

it.each([
  [["fix"], [], { fix: "fix" }],
  [["fix"], ["fix"], { fix: "fix" }],
  [["fix"], ["fix/part"], { fix: "fix-here" }],
  [["fix"], ["fix/part", "fix-here"], { fix: "fix-here" }],
  [["fix/part"], ["fix"], { "fix/part": "fix-part-here" }],
  [["fix", "fix-here"], ["fix/part"], { fix: "fix-here-2", "fix-here": "fix-here" }],
  [["a/b", "a-b"], ["a", "a-b/c"], { "a/b": "a-b-here", "a-b": "a-b-here-2" }],
])("the user's %j beside %j inside are %j", (names, there, expected) => {
  const fetched = new Map(there.map((name) => [`refs/sandbox/host/${name}`, "1"]));
  const branches = names.map((name) => ({ name }));
  expect(Object.fromEntries(namesInside(branches, fetched))).toEqual(expected);
});
