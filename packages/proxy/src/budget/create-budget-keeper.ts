import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import type { Refusal } from "../policy/proxy-types.ts";
import { modelVendor } from "../tap/model-vendor.ts";
import type { TapRecord, TokenUsage } from "../tap/tap-event.ts";
import { answerCost, findPrice, totalTokens } from "./answer-cost.ts";
import { budgetAnswer, notMetered, upgradeRefused, type BudgetAnswer } from "./budget-answer.ts";
import type { ModelPrice } from "./model-price.ts";
import { formatBudget, type Budget } from "./parse-budget.ts";
import { priceTable } from "./price-table.ts";
import { isUnmeteredUse } from "./unmetered-use.ts";

/** What was used; plain JSON. */
export interface Spending {
  readonly usd: number;
  readonly tokens: number;
  /** The part of `tokens` whose price is not known: no money is counted for it. */
  readonly unpricedTokens: number;
  readonly unpricedModels: readonly string[];
  /** The part of `tokens` that the vendor did not report and that is estimated. */
  readonly estimatedTokens: number;
}

export interface BudgetState {
  readonly sessions: Readonly<Record<string, Spending>>;
  /** Everything that all sessions used on that day of the machine's calendar. */
  readonly day: { readonly date: string; readonly spending: Spending };
}

/** What was used, of which limit. */
export interface BudgetAccount {
  readonly limit?: Budget | undefined;
  readonly isReached: boolean;
  readonly used: Spending;
}

export interface BudgetAccounts {
  readonly session: BudgetAccount;
  readonly day: BudgetAccount & { readonly date: string };
}

export interface BudgetDenial {
  readonly refusal: Refusal;
  readonly answer: BudgetAnswer;
}

/**
 * Counts what sessions use and stops their next request when a limit is reached. An answer that has begun is never cut: a session may go over its limit by the
 * answers that run at that moment, one per parallel stream.
 */
export interface BudgetKeeper {
  /** For the tap's `onRecord`. */
  record(record: TapRecord): void;
  /** Before a request is forwarded; `undefined` = it may go. */
  check(context: ExchangeContext): BudgetDenial | undefined;
  setLimit(sessionId: string, limit: Budget | undefined): void;
  setDayLimit(limit: Budget | undefined): void;
  /** The user's own prices from now on; what was counted stays as it was. */
  setPrices(prices: readonly ModelPrice[]): void;
  spending(sessionId: string): Spending;
  /** The session's own use and limit, and the day's of all sessions. */
  accounts(sessionId: string): BudgetAccounts;
  forget(sessionId: string): void;
  /** For a file, so that a restart forgets nothing. */
  state(): BudgetState;
}

export interface BudgetKeeperSettings {
  /** The user's own prices; they win over the table. */
  readonly prices?: readonly ModelPrice[] | undefined;
  readonly dayLimit?: Budget | undefined;
  readonly state?: BudgetState | undefined;
  /** How soon an agent is told to ask again, so that a raised limit is noticed. Default 20. */
  readonly retryAfterSeconds?: number | undefined;
  readonly now?: (() => Date) | undefined;
  /** Told once of each model whose price is not known: its tokens are counted, no money. */
  readonly onUnpriced?: ((model: string) => void) | undefined;
}

const NOTHING: Spending = { usd: 0, tokens: 0, unpricedTokens: 0, unpricedModels: [], estimatedTokens: 0 };
const MAX_UNPRICED_NAMES = 20;

export function createBudgetKeeper(settings: BudgetKeeperSettings = {}): BudgetKeeper {
  const { prices = [], state, retryAfterSeconds = 20, now = () => new Date() } = settings;
  let table = [...prices, ...priceTable];
  const sessions = new Map<string, Spending>(Object.entries(state?.sessions ?? {}));
  const limits = new Map<string, Budget>();
  const unpriced = new Set<string>();
  let dayLimit = settings.dayLimit;
  let day = state?.day ?? { date: localDate(now()), spending: NOTHING };

  function today(): BudgetState["day"] {
    const date = localDate(now());
    if (day.date !== date) day = { date, spending: NOTHING };
    return day;
  }

  function priced(usage: TokenUsage, model: string | undefined): Spending {
    const tokens = totalTokens(usage);
    const price = model === undefined ? undefined : findPrice(table, model, today().date);
    if (price === undefined) tellUnpriced(model ?? "unknown");
    return {
      usd: price === undefined ? 0 : answerCost(usage, price),
      tokens,
      unpricedTokens: price === undefined ? tokens : 0,
      unpricedModels: price === undefined ? [model ?? "unknown"] : [],
      estimatedTokens: usage.isEstimated ? tokens : 0,
    };
  }

  function tellUnpriced(model: string): void {
    // A session names the models: it could name any number.
    if (unpriced.has(model) || unpriced.size >= MAX_UNPRICED_NAMES) return;
    unpriced.add(model);
    settings.onUnpriced?.(model.slice(0, 200));
  }

  function reached(sessionId: string): Reached | undefined {
    const limit = limits.get(sessionId);
    const used = sessions.get(sessionId) ?? NOTHING;
    if (limit !== undefined && isReached(used, limit)) return { limit, used, scope: "session" };
    const { spending } = today();
    if (dayLimit === undefined || !isReached(spending, dayLimit)) return undefined;
    return { limit: dayLimit, used: spending, scope: "day" };
  }

  return {
    record({ sessionId, event }) {
      if (event.type !== "usage") return;
      const part = priced(event.usage, event.model);
      sessions.set(sessionId, add(sessions.get(sessionId) ?? NOTHING, part));
      const { date, spending } = today();
      day = { date, spending: add(spending, part) };
    },
    check(context) {
      const { identity, request } = context;
      const isLimited = limits.has(identity.sessionId) || dayLimit !== undefined;
      if (!isLimited) return undefined;
      if (isUnmeteredUse(context)) return denyUnmetered(context);
      const vendor = modelVendor(context);
      if (vendor === undefined) return undefined;
      const over = reached(identity.sessionId);
      if (over === undefined && !request.isUpgrade) return undefined;
      if (request.isUpgrade) return denyUpgrade(identity.sessionName);
      if (over === undefined) return undefined;
      const refusal = refusalOf(identity.sessionName, over);
      const message = `${refusal.message}. To go on: ${refusal.fix}`;
      const answer = budgetAnswer(vendor, { message, retryAfterSeconds });
      return { refusal: { ...refusal, status: answer.status }, answer };
    },
    setLimit(sessionId, limit) {
      if (limit === undefined) limits.delete(sessionId);
      else limits.set(sessionId, limit);
    },
    setDayLimit(limit) {
      dayLimit = limit;
    },
    setPrices(own) {
      table = [...own, ...priceTable];
      unpriced.clear();
    },
    spending: (sessionId) => sessions.get(sessionId) ?? NOTHING,
    accounts(sessionId) {
      const { date, spending } = today();
      const own = accountOf(limits.get(sessionId), sessions.get(sessionId) ?? NOTHING);
      return { session: own, day: { ...accountOf(dayLimit, spending), date } };
    },
    forget(sessionId) {
      sessions.delete(sessionId);
      limits.delete(sessionId);
    },
    state: () => ({ sessions: Object.fromEntries(sessions), day: today() }),
  };
}

interface Reached {
  readonly limit: Budget;
  readonly used: Spending;
  readonly scope: "session" | "day";
}

function accountOf(limit: Budget | undefined, used: Spending): BudgetAccount {
  return { limit, isReached: limit !== undefined && isReached(used, limit), used };
}

function isReached(used: Spending, limit: Budget): boolean {
  return limit.kind === "usd" ? used.usd >= limit.usd : used.tokens >= limit.tokens;
}

function add(left: Spending, right: Spending): Spending {
  const models = [...new Set([...left.unpricedModels, ...right.unpricedModels])];
  return {
    usd: left.usd + right.usd,
    tokens: left.tokens + right.tokens,
    unpricedTokens: left.unpricedTokens + right.unpricedTokens,
    unpricedModels: models.slice(0, MAX_UNPRICED_NAMES),
    estimatedTokens: left.estimatedTokens + right.estimatedTokens,
  };
}

function refusalOf(name: string, { limit, used, scope }: Reached): Omit<Refusal, "status"> {
  const spent = limit.kind === "usd" ? `${used.usd.toFixed(2)}usd` : `${used.tokens}tokens`;
  const whose = scope === "day" ? "today's budget of all sessions" : `the budget of session ${name}`;
  const enough = raised(limit, used);
  return {
    code: "budget-reached",
    message: `clauderon: ${whose} is used up (${spent} of ${formatBudget(limit)})`,
    fix:
      scope === "day"
        ? `per_day = "${formatBudget(enough)}" under [budget] in proxy.toml, or go on tomorrow`
        : `clauderon budget ${name} ${formatBudget(enough)}`,
  };
}

/** The limit as many times as leaves room. */
function raised(limit: Budget, used: Spending): Budget {
  const times = Math.floor((limit.kind === "usd" ? used.usd / limit.usd : used.tokens / limit.tokens) + 1);
  return limit.kind === "usd"
    ? { kind: "usd", usd: limit.usd * times }
    : { kind: "tokens", tokens: limit.tokens * times };
}

function denyUpgrade(name: string): BudgetDenial {
  const message = `clauderon: session ${name} has a budget, so each answer is a request of its own; use HTTP`;
  const refusal = { status: 426, code: "budget-no-websocket", message, fix: "the agent falls back to HTTP by itself" };
  return { refusal, answer: upgradeRefused(message) };
}

function denyUnmetered({ identity, request }: ExchangeContext): BudgetDenial {
  const message = `clauderon: what ${request.path} costs cannot be counted, and session ${identity.sessionName} has a budget`;
  const refusal = {
    status: 403,
    code: "budget-not-metered",
    message,
    fix: `clauderon budget ${identity.sessionName} none`,
  };
  return { refusal, answer: notMetered(`${message}. To allow it: ${refusal.fix}`) };
}

function localDate(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
