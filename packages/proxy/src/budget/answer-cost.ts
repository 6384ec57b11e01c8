import type { TokenUsage } from "../tap/tap-event.ts";
import type { ModelPrice } from "./model-price.ts";

const DATE_SUFFIX = /-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$/;

/** The row that holds for a model on a day (ISO 8601); rows listed first win. `undefined` = its price is not known. */
export function findPrice(table: readonly ModelPrice[], model: string, day: string): ModelPrice | undefined {
  const name = model.replace(/^models\//, "");
  const names = [name, name.replace(DATE_SUFFIX, "")];
  return names
    .map((name) => table.find((row) => row.model === name && (row.until === undefined || day <= row.until)))
    .find((row) => row !== undefined);
}

/** US dollars. */
export function answerCost(usage: TokenUsage, price: ModelPrice): number {
  const read = usage.inputTokens + usage.cachedInputTokens + usage.cacheWriteTokens + usage.longCacheWriteTokens;
  const {
    input,
    cachedInput = input,
    cacheWrite = input,
    longCacheWrite = cacheWrite,
    output,
  } = price.long !== undefined && read > price.long.aboveTokens ? price.long : price;
  const millionths =
    usage.inputTokens * input +
    usage.cachedInputTokens * cachedInput +
    usage.cacheWriteTokens * cacheWrite +
    usage.longCacheWriteTokens * longCacheWrite +
    usage.outputTokens * output;
  return millionths / 1_000_000;
}

export function totalTokens(usage: TokenUsage): number {
  return (
    usage.inputTokens +
    usage.cachedInputTokens +
    usage.cacheWriteTokens +
    usage.longCacheWriteTokens +
    usage.outputTokens
  );
}
