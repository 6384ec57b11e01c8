import { describe, expect, it } from "vitest";

import type { TokenUsage } from "../tap/tap-event.ts";
import { answerCost, findPrice } from "./answer-cost.ts";
import { priceTable, priceTableDate, priceTableSources } from "./price-table.ts";

const usage = (parts: Partial<TokenUsage>): TokenUsage => ({
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  longCacheWriteTokens: 0,
  outputTokens: 0,
  isEstimated: false,
  ...parts,
});
const cost = (model: string, parts: Partial<TokenUsage>, day = priceTableDate): number | undefined => {
  const price = findPrice(priceTable, model, day);
  return price && answerCost(usage(parts), price);
};

describe("The cost of an answer", () => {
  it.each([
    { model: "claude-opus-4-8", parts: { inputTokens: 1e6 }, usd: 5 },
    { model: "claude-opus-4-8", parts: { cachedInputTokens: 1e6 }, usd: 0.5 },
    { model: "claude-opus-4-8", parts: { cacheWriteTokens: 1e6 }, usd: 6.25 },
    { model: "claude-opus-4-8", parts: { longCacheWriteTokens: 1e6 }, usd: 10 },
    { model: "claude-opus-4-8", parts: { outputTokens: 1e6 }, usd: 25 },
    { model: "claude-haiku-4-5-20251001", parts: { inputTokens: 1e6, outputTokens: 1e6 }, usd: 6 },
    { model: "claude-haiku-5-5", parts: { inputTokens: 100_000 }, usd: 0.01 },
    { model: "claude-haiku-5-5", parts: { inputTokens: 60_000, cachedInputTokens: 40_001 }, usd: 0.03 + 0.00200005 },
    {
      model: "gpt-6.1-sol",
      parts: { inputTokens: 100_000, cachedInputTokens: 100_000, outputTokens: 10_000 },
      usd: 0.31,
    },
    { model: "gpt-6.1-sol-2026-09-30", parts: { inputTokens: 300_000, outputTokens: 10_000 }, usd: 1.35 },
    { model: "gpt-6-luna", parts: { cacheWriteTokens: 200_000 }, usd: 0.025 },
    { model: "models/gemini-2.5-pro", parts: { inputTokens: 200_001 }, usd: 0.5000025 },
    { model: "gemini-3-flash-preview", parts: { cachedInputTokens: 1e6 }, usd: 0.05 },
    { model: "models/gemini-2.5-pro", parts: { inputTokens: 1, cachedInputTokens: 200_000 }, usd: 0.0500025 },
    {
      model: "gpt-6.2-astra",
      parts: { inputTokens: 100_000, cachedInputTokens: 100_000, outputTokens: 10_000 },
      usd: 1.24,
    },
    { model: "gpt-6.1-sol", parts: { cacheWriteTokens: 100_000 }, usd: 0.2 },
  ])("$model, $parts", ({ model, parts, usd }) => {
    expect(cost(model, parts)).toBeCloseTo(usd, 9);
  });

  it("changes on the day on which the vendor changes it", () => {
    expect(cost("gemini-3.8-flash", { inputTokens: 1e6 }, "2026-12-31")).toBeCloseTo(0.75);
    expect(cost("gemini-3.8-flash", { inputTokens: 1e6 }, "2027-01-01")).toBeCloseTo(1.5);
  });

  it.each(["gpt-6.1-sol-mini", "claude-opus", "claude-opus-4-8-fast", "", "gemini-9", "toString"])(
    "is not guessed for %j",
    (model) => {
      expect(cost(model, { inputTokens: 1 })).toBeUndefined();
    },
  );

  it("has one row for each model and day, above zero", () => {
    const keys = priceTable.map(({ model, until }) => `${model} ${until ?? ""}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(priceTable.every(({ input, output }) => input > 0 && output > input)).toBe(true);
    expect(priceTableSources.every((source) => URL.canParse(source))).toBe(true);
    expect(priceTableDate).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });
});
