import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { editDistance, nearest } from "./nearest.ts";

describe("nearest", () => {
  it.each([
    ["backnd", ["backend", "base", "branch"], "backend"],
    ["zelij", ["zellij", "local"], "zellij"],
    ["lsit", ["list", "logs"], "list"],
    ["xyz", ["list", "logs"], undefined],
    ["", ["list"], undefined],
  ])("%j among %j means %j", (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected);
  });

  it("measures symmetrically, and 0 only for equal words", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (left, right) => {
        const distance = editDistance(left, right);
        expect(distance).toBe(editDistance(right, left));
        expect(distance === 0).toBe(left === right);
        expect(distance).toBeLessThanOrEqual(Math.max(left.length, right.length));
      }),
    );
  });
});
