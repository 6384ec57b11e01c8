import { describe, expect, it } from "vitest";

import { gitOperation } from "./git-operation.ts";
import { queryPairs } from "./query-pairs.ts";

describe("parts", () => {
  it.each([
    ["/acme/app.git/git-receive-pack", "", { kind: "push", repository: "acme/app", isPack: true }],
    ["/acme/app/git-upload-pack", "", { kind: "fetch", repository: "acme/app", isPack: false }],
    [
      "/group/sub/app.git/info/refs",
      "service=git-receive-pack",
      { kind: "push", repository: "group/sub/app", isPack: false },
    ],
    ["/acme/app/releases", "", undefined],
    ["/git-receive-pack-docs", "", undefined],
  ])("gitOperation(%s, %s)", (path, query, expected) => {
    expect(gitOperation({ path, query })).toEqual(expected);
  });

  it("queryPairs reads as the most lenient server does", () => {
    expect(queryPairs("A=1&b;c=%41+%42&d=%zz&=e&%C3%A4=%FF")).toEqual([
      ["a", "1"],
      ["b", ""],
      ["c", "A B"],
      ["d", "%zz"],
      ["", "e"],
      ["ä", "\ufffd"],
    ]);
    expect(queryPairs("")).toEqual([]);
  });
});
