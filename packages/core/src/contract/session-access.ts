import type { NetworkPolicy } from "./sandbox-spec.ts";
import type { SessionId } from "./session.ts";

/** `read-only`: models and fetches work, what writes is refused by the proxy. */
export type AccessMode = "read-write" | "read-only";

/** What a session may reach and do through the proxy. Plain data, stored with the session. */
export interface SessionAccess {
  readonly accessMode: AccessMode;
  readonly network: NetworkPolicy["mode"];
  /** `HOST`, `HOST:PORT`, `*.HOST`, an address or a range; beside what `network` opens. */
  readonly allow: readonly string[];
  /** The same form; stronger than `allow` and than rules. */
  readonly deny: readonly string[];
  /** The user knows that the agent can go round: without it a host backend refuses what it cannot enforce. */
  readonly isAdvisory: boolean;
  /** `5usd`, `200ktokens`; absent = no limit. */
  readonly budget?: string | undefined;
}

/** What is to be different; what is absent stays. */
export interface SessionAccessChange {
  readonly accessMode?: AccessMode | undefined;
  readonly network?: NetworkPolicy["mode"] | undefined;
  /** Added to what is allowed, and taken from what is denied. */
  readonly allow?: readonly string[] | undefined;
  /** Added to what is denied, and taken from what is allowed. */
  readonly deny?: readonly string[] | undefined;
  /** Taken from both lists; one that is in neither is refused with `usage.invalid`. */
  readonly remove?: readonly string[] | undefined;
  readonly isAdvisory?: boolean | undefined;
  /** An amount, or `none`. */
  readonly budget?: string | undefined;
}

/** What models were used for. */
export interface ModelSpending {
  readonly usd: number;
  readonly tokens: number;
  /** The part of `tokens` whose price is not known: no money is counted for it. */
  readonly unpricedTokens: number;
  readonly unpricedModels: readonly string[];
  /** The part of `tokens` that the vendor did not report and that is estimated. */
  readonly estimatedTokens: number;
}

/** What was used, of which limit. */
export interface BudgetAccount {
  /** As it is written: `5usd`; absent = none. */
  readonly limit?: string | undefined;
  /** True when the limit is reached: the next request to a model is answered with an error that agents try again. */
  readonly isReached: boolean;
  /** Absent = not known: the session has no proxy, so nobody counts. */
  readonly used?: ModelSpending | undefined;
}

/** The object of `clauderon budget --json`. */
export interface SessionBudget {
  readonly schemaVersion: 1;
  readonly id: SessionId;
  readonly name: string;
  readonly session: BudgetAccount;
  /** Of all sessions together, on a day of this machine's calendar (`YYYY-MM-DD`). */
  readonly day: BudgetAccount & { readonly date?: string | undefined };
}
