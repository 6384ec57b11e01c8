import { z } from "zod";

import type {
  AccessMode,
  BudgetAccount,
  ModelSpending,
  SessionAccess,
  SessionAccessChange,
  SessionBudget,
} from "../contract/session-access.ts";
import { exactly } from "./exactly.ts";

const longestEntry = 300;
const mostEntries = 1000;

export const accessModeSchema: z.ZodType<AccessMode> = exactly<AccessMode>()(z.enum(["read-write", "read-only"]));
const network: z.ZodType<SessionAccess["network"]> = z.enum(["open", "listed", "none"]);
/** What the entries mean is read by who decides on requests. */
const hosts: z.ZodType<readonly string[]> = z.array(z.string().min(1).max(longestEntry)).max(mostEntries).readonly();
const budget = z.string().min(1).max(40);

/** Of a session's detail and state. */
export const accessMembers: {
  readonly accessMode: z.ZodType<AccessMode>;
  readonly network: typeof network;
  readonly allow: z.ZodType<readonly string[]>;
  readonly deny: z.ZodType<readonly string[]>;
  readonly isAdvisory: z.ZodBoolean;
  readonly budget: z.ZodOptional<z.ZodString>;
} = {
  accessMode: accessModeSchema,
  network,
  allow: hosts,
  deny: hosts,
  isAdvisory: z.boolean(),
  budget: budget.optional(),
};

/** Of what a caller asks for. */
export const accessRequest: {
  readonly [Member in keyof typeof accessMembers]: Member extends "budget"
    ? z.ZodOptional<z.ZodString>
    : z.ZodOptional<(typeof accessMembers)[Member]>;
} = {
  accessMode: accessModeSchema.optional(),
  network: network.optional(),
  allow: hosts.optional(),
  deny: hosts.optional(),
  isAdvisory: z.boolean().optional(),
  budget: budget.optional(),
};

export const sessionAccessSchema: z.ZodType<SessionAccess> = exactly<SessionAccess>()(z.object(accessMembers));

export const sessionAccessChangeSchema: z.ZodType<SessionAccessChange> = exactly<SessionAccessChange>()(
  z.strictObject({ ...accessRequest, remove: hosts.optional() }).meta({ id: "SessionAccessChange" }),
);

const spending = exactly<ModelSpending>()(
  z.object({
    usd: z.number(),
    tokens: z.number(),
    unpricedTokens: z.number(),
    unpricedModels: z.array(z.string()).readonly(),
    estimatedTokens: z.number(),
  }),
);
const account = { limit: budget.optional(), isReached: z.boolean(), used: spending.optional() };

export const budgetAccountSchema: z.ZodType<BudgetAccount> = exactly<BudgetAccount>()(z.object(account));

export const sessionBudgetSchema: z.ZodType<SessionBudget> = exactly<SessionBudget>()(
  z
    .object({
      schemaVersion: z.literal(1),
      id: z.string(),
      name: z.string(),
      session: budgetAccountSchema,
      day: z.object({ ...account, date: z.string().optional() }),
    })
    .meta({ id: "SessionBudget" }),
);
