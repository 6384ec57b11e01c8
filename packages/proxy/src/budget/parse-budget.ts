import { UsageError } from "@clauderon/core/contract";

/** A limit: money or tokens. */
export type Budget =
  | { readonly kind: "usd"; readonly usd: number }
  | { readonly kind: "tokens"; readonly tokens: number };

const FORM = /^(\d{1,9}(?:\.\d{1,6})?)(usd|(k|m)?tokens)$/i;
const factors: Readonly<Record<string, number>> = { k: 1000, m: 1_000_000 };

/** `5usd`, `0.50usd`, `200ktokens`, `1.5mtokens`, `90000tokens`. Throws a `UsageError` that shows the forms. */
export function parseBudget(text: string): Budget {
  const [, amount = "", unit = "", scale = ""] = FORM.exec(text.trim()) ?? [];
  const value = Number(amount);
  const isMoney = unit.toLowerCase() === "usd";
  const tokens = Math.round(value * (factors[scale.toLowerCase()] ?? 1));
  if (amount === "" || (isMoney ? value : tokens) <= 0) {
    throw new UsageError({
      message: `"${text}" is not a budget`,
      why: "a budget is an amount above zero with its unit",
      fix: ["5usd", "200ktokens"],
      context: { budget: text },
    });
  }
  return isMoney ? { kind: "usd", usd: value } : { kind: "tokens", tokens };
}

/** The shortest form that `parseBudget` reads as the same. */
export function formatBudget(budget: Budget): string {
  if (budget.kind === "usd") return `${Number(budget.usd.toFixed(6))}usd`;
  const { tokens } = budget;
  if (tokens % 1_000_000 === 0) return `${tokens / 1_000_000}mtokens`;
  return tokens % 1000 === 0 ? `${tokens / 1000}ktokens` : `${tokens}tokens`;
}
