import type { BudgetAccount, SessionBudget } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { printable } from "../output/printable.ts";
import { resolveSession } from "../session/resolve-session.ts";

export const budgetCommand: Command = defineCommand({
  meta: {
    name: "budget",
    description: "Show what a session's models were used for, and the limits; with an amount: set its limit.",
  },
  args: {
    name: { type: "positional", description: "session", completes: "sessions" },
    amount: { type: "positional", description: "5usd, 200ktokens, 1.5mtokens, or none" },
  },
  jsonFields: ["schemaVersion", "id", "name", "session", "day"],
  examples: ["budget fix-login", "budget fix-login 10usd", "budget fix-login none", "budget fix-login --json=session"],
  notes: [
    "Over its limit a session's next request to a model is answered with an error that agents try again; once the limit is raised it goes through. An answer that has begun is never cut.",
    "The limit of all sessions together for a day: [budget] per_day in proxy.toml.",
  ],
  async run({ args, context }) {
    if (args.amount !== undefined) await context.access.checkBudget(args.amount);
    const session = await resolveSession(args.name, context);
    const { signal } = context;
    if (args.amount !== undefined) await session.changeAccess({ budget: args.amount }, { signal });
    const budget = await session.budget({ signal });
    if (context.flags.isJson) await context.output.json(pickFields(budget, context.flags.jsonFields));
    else await context.output.write(describe(budget));
    return 0;
  },
});

function describe({ name, session, day }: SessionBudget): string {
  const unpriced = session.used?.unpricedModels ?? [];
  const rows: readonly (readonly [string, string | undefined])[] = [
    [name, sentence(session)],
    ["today", day.used === undefined ? undefined : `${sentence(day)} (all sessions)`],
    [
      "note",
      unpriced.length === 0 ? undefined : `no price is known for ${unpriced.join(", ")}: its tokens alone count`,
    ],
    ["fix", session.isReached ? `raise it: clauderon budget ${name} AMOUNT` : undefined],
    ["fix", day.isReached ? "raise per_day under [budget] in proxy.toml, or go on tomorrow" : undefined],
  ];
  const known = rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
  const width = Math.max(...known.map(([label]) => label.length)) + 2;
  return known.map(([label, text]) => `${printable(label).padEnd(width)}${printable(text)}\n`).join("");
}

function sentence({ used, limit, isReached }: BudgetAccount): string {
  const of = limit === undefined ? "no limit" : `limit ${limit}${isReached ? ", used up" : ""}`;
  if (used === undefined) return `not counted: it has no proxy; ${of}`;
  const tokens = new Intl.NumberFormat("en-US").format(used.tokens);
  const estimated = used.estimatedTokens > 0 ? " (partly estimated)" : "";
  return `${used.usd.toFixed(2)} usd, ${tokens} tokens${estimated}; ${of}`;
}
