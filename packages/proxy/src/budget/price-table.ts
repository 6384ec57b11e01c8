import type { ModelPrice } from "./model-price.ts";

/** When the prices below were read, and where. */
export const priceTableDate = "2026-11-21";
export const priceTableSources: readonly string[] = [
  "https://platform.claude.com/docs/en/about-claude/pricing",
  "https://developers.openai.com/api/docs/pricing",
  "https://ai.google.dev/gemini-api/docs/pricing",
];

/** Standard prices of the vendors' own APIs; faster or slower service tiers cost otherwise. */
export const priceTable: readonly ModelPrice[] = [
  ...anthropic(["claude-fable-5-1", "claude-mythos-5-1"], { input: 10, cachedInput: 0.25, output: 50 }),
  ...anthropic(["claude-fable-5", "claude-mythos-5"], { input: 10, cachedInput: 1, output: 50 }),
  ...anthropic(["claude-opus-5-5"], { input: 4, cachedInput: 0.2, output: 20 }),
  ...anthropic(["claude-opus-5", "claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6", "claude-opus-4-5"], {
    input: 5,
    cachedInput: 0.5,
    output: 25,
  }),
  ...anthropic(["claude-opus-4-1", "claude-opus-4", "claude-opus-4-0"], { input: 15, cachedInput: 1.5, output: 75 }),
  ...anthropic(["claude-sonnet-5-5"], { input: 2, cachedInput: 0.1, output: 10 }),
  ...anthropic(["claude-sonnet-5"], { input: 2, cachedInput: 0.2, output: 10 }),
  ...anthropic(["claude-sonnet-4-6", "claude-sonnet-4-5", "claude-sonnet-4", "claude-sonnet-4-0"], {
    input: 3,
    cachedInput: 0.3,
    output: 15,
  }),
  {
    ...cacheWrites({ input: 0.1, cachedInput: 0.01, output: 0.5 }),
    model: "claude-haiku-5-5",
    long: { aboveTokens: 100_000, ...cacheWrites({ input: 0.5, cachedInput: 0.05, output: 2.5 }) },
  },
  ...anthropic(["claude-haiku-4-5"], { input: 1, cachedInput: 0.1, output: 5 }),

  openai("gpt-6.2-astra", { input: 8, cachedInput: 0.4, output: 40 }),
  openai("gpt-6.2-sol", { input: 2, cachedInput: 0.1, output: 10 }),
  openai("gpt-6.1-sol", { input: 2, cachedInput: 0.1, output: 10 }),
  openai("gpt-6-astra", { input: 10, cachedInput: 1, cacheWrite: 12.5, output: 50 }),
  openai("gpt-6-sol", { input: 2, cachedInput: 0.2, cacheWrite: 2.5, output: 10 }),
  openai("gpt-6-luna", { input: 0.1, cachedInput: 0.01, cacheWrite: 0.125, output: 0.5 }),
  openai("gpt-5.6-sol", { input: 4, cachedInput: 0.4, output: 20 }),
  openai("gpt-5.6-terra", { input: 2, cachedInput: 0.2, output: 12 }),
  openai("gpt-5.6-luna", { input: 0.2, cachedInput: 0.02, output: 1.2 }),
  openai("gpt-5.5", { input: 5, cachedInput: 0.5, output: 30 }),
  openai("gpt-5.4", { input: 2.5, cachedInput: 0.25, output: 15 }),
  openai("gpt-5.4-mini", { input: 0.75, cachedInput: 0.075, output: 4.5 }),
  ...["gpt-5.1", "gpt-5.1-codex", "gpt-5", "gpt-5-codex"].map((model) => ({
    model,
    input: 1.25,
    cachedInput: 0.125,
    output: 10,
  })),

  {
    model: "gemini-3.1-pro-preview",
    input: 2,
    cachedInput: 0.2,
    output: 12,
    long: { aboveTokens: 200_000, input: 4, cachedInput: 0.4, output: 18 },
  },
  { model: "gemini-3.8-flash", input: 0.75, cachedInput: 0.075, output: 3.75, until: "2026-12-31" },
  { model: "gemini-3.8-flash", input: 1.5, cachedInput: 0.15, output: 7.5 },
  { model: "gemini-3-flash-preview", input: 0.5, cachedInput: 0.05, output: 3 },
  { model: "gemini-3.1-flash-lite", input: 0.25, cachedInput: 0.025, output: 1.5 },
  {
    model: "gemini-2.5-pro",
    input: 1.25,
    cachedInput: 0.125,
    output: 10,
    long: { aboveTokens: 200_000, input: 2.5, cachedInput: 0.25, output: 15 },
  },
  { model: "gemini-2.5-flash", input: 0.3, cachedInput: 0.03, output: 2.5 },
  { model: "gemini-2.5-flash-lite", input: 0.1, cachedInput: 0.01, output: 0.4 },
];

interface ListPrices {
  readonly input: number;
  readonly cachedInput: number;
  readonly cacheWrite?: number;
  readonly output: number;
}

/** Writing to the cache for five minutes costs 1.25 times the input, for an hour twice. */
function cacheWrites(
  prices: ListPrices,
): ListPrices & { readonly cacheWrite: number; readonly longCacheWrite: number } {
  return { ...prices, cacheWrite: prices.input * 1.25, longCacheWrite: prices.input * 2 };
}

function anthropic(models: readonly string[], prices: ListPrices): readonly ModelPrice[] {
  return models.map((model) => ({ model, ...cacheWrites(prices) }));
}

/** Above 272,000 tokens of input, a request costs twice for what it reads and half as much again for what it writes. */
function openai(model: string, prices: ListPrices): ModelPrice {
  const { input, cachedInput, cacheWrite, output } = prices;
  return {
    model,
    ...prices,
    long: {
      aboveTokens: 272_000,
      input: input * 2,
      cachedInput: cachedInput * 2,
      cacheWrite: cacheWrite === undefined ? undefined : cacheWrite * 2,
      output: output * 1.5,
    },
  };
}
