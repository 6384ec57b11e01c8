import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatBudget, parseBudget, type Budget } from "./parse-budget.ts";

describe("parseBudget", () => {
  it.each<[string, Budget]>([
    ["5usd", { kind: "usd", usd: 5 }],
    ["0.50USD", { kind: "usd", usd: 0.5 }],
    ["200ktokens", { kind: "tokens", tokens: 200_000 }],
    ["1.5mtokens", { kind: "tokens", tokens: 1_500_000 }],
    [" 90000tokens ", { kind: "tokens", tokens: 90_000 }],
  ])("reads %s", (text, budget) => {
    expect(parseBudget(text)).toEqual(budget);
  });

  it.each([
    "",
    "5",
    "usd",
    "$5",
    "5 usd",
    "-5usd",
    "0usd",
    "0.0000001usd",
    "5eur",
    "1e9usd",
    "5kusd",
    "0tokens",
    "NaNusd",
    "5usd5usd",
  ])("refuses %j with the forms", (text) => {
    expect(() => parseBudget(text)).toThrow(
      expect.objectContaining({ code: "usage.invalid", fix: ["5usd", "200ktokens"] }),
    );
  });

  it("reads what it writes", () => {
    const budget = fc.oneof(
      fc.integer({ min: 1, max: 999_999_999 }).map((cents) => ({ kind: "usd", usd: cents / 100 }) as const),
      fc.integer({ min: 1, max: 999_999_999 }).map((tokens) => ({ kind: "tokens", tokens }) as const),
    );
    fc.assert(
      fc.property(budget, (budget) => {
        expect(parseBudget(formatBudget(budget))).toEqual(budget);
      }),
    );
  });
});
