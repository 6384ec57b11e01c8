import fc from "fast-check";
import { expect, test } from "vitest";

import { nearest } from "./nearest.ts";

const words = ["default_backend", "default_agent", "port", "autostart"];

test.each([
  ["default_bakend", "default_backend"],
  ["defualt_agent", "default_agent"],
  ["prot", "port"],
  ["Port", "port"],
  ["autostrat", "autostart"],
  ["backend", undefined],
  ["zzzz", undefined],
  ["", undefined],
])("%s → %s", (word, expected) => {
  expect(nearest(word, words)).toBe(expected);
});

test("one edit away is found", () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z]{4,12}$/),
      fc.nat(),
      fc.constantFrom("drop", "swap", "double"),
      (word, seed, kind) => {
        const place = seed % (word.length - 1);
        const [a = "", b = ""] = [word[place], word[place + 1]];
        const middle = { drop: b, swap: b + a, double: a + a + b }[kind];
        expect(nearest(word.slice(0, place) + middle + word.slice(place + 2), [word, "x".repeat(30)])).toBe(word);
      },
    ),
  );
});
