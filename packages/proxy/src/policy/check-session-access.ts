import { UsageError } from "@clauderon/core/contract";

import { parseBudget } from "../budget/parse-budget.ts";
import { parseHostPattern } from "./host-pattern.ts";

/** Throws a `UsageError` for an entry or an amount that cannot be read: opened or denied is only what was understood. */
export function checkSessionAccess(asked: {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
  readonly budget?: string | undefined;
}): void {
  for (const entry of [...(asked.allow ?? []), ...(asked.deny ?? [])]) {
    if (parseHostPattern(entry) !== undefined) continue;
    throw new UsageError({
      message: `"${entry.slice(0, 100)}" is not a host`,
      fix: ["write HOST, HOST:PORT, *.example.com, an address or a range"],
    });
  }
  if (asked.budget !== undefined && asked.budget.trim().toLowerCase() !== "none") parseBudget(asked.budget);
}
