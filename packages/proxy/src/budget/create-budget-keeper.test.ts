import { describe, expect, it } from "vitest";

import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import type { ModelVendor, TapRecord } from "../tap/tap-event.ts";
import { createBudgetKeeper, type BudgetKeeper } from "./create-budget-keeper.ts";
import { parseBudget } from "./parse-budget.ts";

const paths = {
  anthropic: "/v1/messages",
  openai: "/v1/responses",
  gemini: "/v1beta/models/gemini-3.8-flash:streamGenerateContent",
} as const;

interface Asked {
  readonly session?: string;
  readonly vendor?: ModelVendor;
  readonly path?: string;
  readonly method?: string;
  readonly isUpgrade?: boolean;
}

function context({
  session = "one",
  vendor = "anthropic",
  path = paths[vendor],
  method = "POST",
  isUpgrade = false,
}: Asked = {}): ExchangeContext {
  const policy = { accessMode: "read-write", network: "open", allow: [], deny: [], isIsolated: true } as const;
  return {
    identity: { sessionId: `id-${session}`, sessionName: session, policy },
    request: { target: { scheme: "https", host: "h", port: 443 }, method, path, query: "", headers: [], isUpgrade },
    rule: { id: vendor, description: "", host: "h", protocol: vendor },
  };
}

function used(session: string, inputTokens: number, name = "claude-sonnet-5"): TapRecord {
  const usage = {
    inputTokens,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    longCacheWriteTokens: 0,
    outputTokens: 0,
    isEstimated: false,
  };
  const model = name === "" ? undefined : name;
  return {
    sessionId: `id-${session}`,
    sessionName: session,
    vendor: "anthropic",
    exchangeId: "x",
    at: "",
    event: { type: "usage", model, usage },
  };
}

/** Claude Sonnet 5: two dollars for a million tokens. */
const spend = (keeper: BudgetKeeper, session: string, usd: number): void => keeper.record(used(session, usd * 500_000));

describe("A budget", () => {
  it("lets requests go until it is used up, and again when it is raised", () => {
    const keeper = createBudgetKeeper();
    keeper.setLimit("id-one", parseBudget("5usd"));
    spend(keeper, "one", 4.99);
    expect(keeper.check(context())).toBeUndefined();
    spend(keeper, "one", 0.01);
    expect(keeper.check(context())?.refusal).toMatchObject({
      code: "budget-reached",
      message: "clauderon: the budget of session one is used up (5.00usd of 5usd)",
      fix: "clauderon budget one 10usd",
    });
    expect(keeper.check(context({ session: "two" }))).toBeUndefined();
    keeper.setLimit("id-one", parseBudget("10usd"));
    expect(keeper.check(context())).toBeUndefined();
    keeper.setLimit("id-one", undefined);
    spend(keeper, "one", 100);
    expect(keeper.check(context())).toBeUndefined();
  });

  it("is exceeded by no more than the answers that run, one for each parallel stream", () => {
    const keeper = createBudgetKeeper();
    keeper.setLimit("id-one", parseBudget("200ktokens"));
    const answer = 9000;
    let running = 0;
    for (let round = 0; round < 10; round++) {
      for (let stream = 0; stream < 20; stream++) if (keeper.check(context()) === undefined) running += 1;
      for (; running > 0; running--) keeper.record(used("one", answer));
    }
    expect(keeper.spending("id-one").tokens).toBeGreaterThanOrEqual(200_000);
    expect(keeper.spending("id-one").tokens).toBeLessThan(200_000 + 20 * answer);
  });

  it.each([
    { vendor: "anthropic", status: 429, body: { type: "error", error: { type: "rate_limit_error" } } },
    {
      vendor: "openai",
      status: 503,
      body: { error: { type: "service_unavailable_error", code: "server_is_overloaded" } },
    },
    { vendor: "gemini", status: 429, body: { error: { code: 429, status: "RESOURCE_EXHAUSTED" } } },
  ] as const)("is told to $vendor's agent in the form it retries", ({ vendor, status, body }) => {
    const keeper = createBudgetKeeper();
    keeper.setLimit("id-one", parseBudget("1ktokens"));
    keeper.record(used("one", 1000));
    const denial = keeper.check(context({ vendor }));
    expect(denial?.answer.status).toBe(status);
    expect(denial?.refusal.status).toBe(status);
    expect(JSON.parse(denial?.answer.body ?? "")).toMatchObject(body);
    expect(JSON.stringify(denial?.answer.body)).toContain("clauderon budget one 2ktokens");
    expect(Number(denial?.answer.headers["retry-after"])).toBeGreaterThan(0);
  });

  it("of a day counts all sessions and begins anew at midnight", () => {
    let now = new Date(2026, 10, 21, 23, 59);
    const keeper = createBudgetKeeper({ dayLimit: parseBudget("10usd"), now: () => now });
    spend(keeper, "one", 6);
    spend(keeper, "two", 6);
    expect(keeper.check(context({ session: "three" }))?.refusal.message).toContain("today's budget of all sessions");
    now = new Date(2026, 10, 22, 0, 0);
    expect(keeper.check(context({ session: "three" }))).toBeUndefined();
    expect(keeper.spending("id-one").usd).toBeCloseTo(6);
  });

  it("counts tokens alone for a model without a price, and says which", () => {
    const keeper = createBudgetKeeper();
    keeper.setLimit("id-one", parseBudget("1usd"));
    keeper.record(used("one", 5_000_000, "house-model-1"));
    keeper.record(used("one", 5_000_000, ""));
    expect(keeper.check(context())).toBeUndefined();
    expect(keeper.spending("id-one")).toMatchObject({
      usd: 0,
      tokens: 10_000_000,
      unpricedTokens: 10_000_000,
      unpricedModels: ["house-model-1", "unknown"],
    });
    keeper.setLimit("id-one", parseBudget("10mtokens"));
    expect(keeper.check(context())?.refusal.code).toBe("budget-reached");
  });

  it("takes the user's price before the table's", () => {
    const keeper = createBudgetKeeper({ prices: [{ model: "claude-sonnet-5", input: 4, output: 8 }] });
    keeper.record(used("one", 1_000_000));
    expect(keeper.spending("id-one").usd).toBeCloseTo(4);
    keeper.setPrices([{ model: "claude-sonnet-5", input: 1, output: 8 }]);
    keeper.record(used("one", 1_000_000));
    expect(keeper.spending("id-one").usd).toBeCloseTo(5);
  });

  it("survives a restart", () => {
    const before = createBudgetKeeper({ dayLimit: parseBudget("6usd") });
    spend(before, "one", 5);
    const after = createBudgetKeeper({
      dayLimit: parseBudget("6usd"),
      state: JSON.parse(JSON.stringify(before.state())),
    });
    expect(after.spending("id-one").usd).toBeCloseTo(5);
    spend(after, "one", 1);
    expect(after.check(context())).toBeDefined();
    after.forget("id-one");
    expect(after.spending("id-one").tokens).toBe(0);
  });

  it.each([
    ["anthropic", "/v1/messages/"],
    ["anthropic", "/V1/Messages"],
    ["openai", "/backend-api/codex/responses"],
    ["openai", "/v1/responses/compact"],
    ["openai", "/v1/chat/completions/"],
  ] as const)("holds for %s at %s", (vendor, path) => {
    const keeper = createBudgetKeeper();
    keeper.setLimit("id-one", parseBudget("1tokens"));
    expect(keeper.check(context({ vendor, path }))).toBeUndefined();
    keeper.record(used("one", 10));
    expect(keeper.check(context({ vendor, path }))?.refusal.code).toBe("budget-reached");
  });

  it("sends Codex from its WebSocket to requests, which can be stopped one by one", () => {
    const keeper = createBudgetKeeper();
    const upgrade = context({ vendor: "openai", method: "GET", isUpgrade: true });
    expect(keeper.check(upgrade)).toBeUndefined();
    keeper.setLimit("id-one", parseBudget("5usd"));
    expect(keeper.check(upgrade)?.answer.status).toBe(426);
  });

  it.each([
    ["anthropic", "/v1/messages/batches"],
    ["openai", "/v1/images/generations"],
    ["openai", "/v1/realtime/calls"],
    ["openai", "/v1/what-comes-next"],
    ["anthropic", "/V1/messages/batches/"],
    ["gemini", "/v1beta/models/veo:predictLongRunning"],
  ] as const)("does not let %s be used at %s, which cannot be counted", (vendor, path) => {
    const keeper = createBudgetKeeper();
    expect(keeper.check(context({ vendor, path }))).toBeUndefined();
    keeper.setLimit("id-one", parseBudget("5usd"));
    expect(keeper.check(context({ vendor, path }))?.refusal.code).toBe("budget-not-metered");
  });

  it.each([
    ["anthropic", "/v1/messages/count_tokens"],
    ["anthropic", "/api/event_logging/v2/batch"],
    ["gemini", "/v1beta/models/m:countTokens"],
    ["openai", "/v1/responses/input_tokens"],
    ["openai", "/backend-api/codex/analytics-events"],
  ] as const)("leaves %s alone at %s even when it is used up", (vendor, path) => {
    const keeper = createBudgetKeeper();
    keeper.setLimit("id-one", parseBudget("1tokens"));
    keeper.record(used("one", 10));
    expect(keeper.check(context({ vendor, path }))).toBeUndefined();
  });

  it("says once of each model that its price is not known, and again after the prices were read anew", () => {
    const told: string[] = [];
    const keeper = createBudgetKeeper({ onUnpriced: (model) => told.push(model) });
    for (const model of ["house-model-1", "claude-sonnet-5", "house-model-1", "", "house-model-1"])
      keeper.record(used("one", 1000, model));
    expect(told).toEqual(["house-model-1", "unknown"]);
    keeper.setPrices([{ model: "house-model-1", input: 1, output: 2 }]);
    keeper.record(used("one", 1_000_000, "house-model-1"));
    expect(keeper.spending("id-one").usd).toBeCloseTo(1.002);
    keeper.setPrices([]);
    keeper.record(used("one", 1000, "house-model-1"));
    expect(told).toEqual(["house-model-1", "unknown", "house-model-1"]);
    for (let index = 0; index < 1000; index += 1) keeper.record(used("one", 1, `made-up-${index}`));
    expect(told.length).toBeLessThan(30);
  });
});
