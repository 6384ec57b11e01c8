/** US dollars for a million tokens. What is absent costs as much as plain input. */
export interface TokenPrices {
  readonly input: number;
  readonly cachedInput?: number | undefined;
  readonly cacheWrite?: number | undefined;
  readonly longCacheWrite?: number | undefined;
  readonly output: number;
}

export interface ModelPrice extends TokenPrices {
  /** As the vendor names it; dates at its end (`-20251001`, `-2026-04-01`) and `-latest` are the same model. */
  readonly model: string;
  /** What the whole request costs when it reads more tokens than this. */
  readonly long?: (TokenPrices & { readonly aboveTokens: number }) | undefined;
  /** The last day (ISO 8601) on which this row holds; the row after it with the same name follows. */
  readonly until?: string | undefined;
}
