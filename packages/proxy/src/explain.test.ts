import { describe, expect, it } from "vitest";

import { createBudgetKeeper } from "./budget/create-budget-keeper.ts";
import { parseBudget } from "./budget/parse-budget.ts";
import { explain, type Explanation, type ExplainQuestion } from "./explain.ts";
import { connectTo, engine, identity, outcome } from "./policy/decide.fixture.ts";
import type { SessionPolicy } from "./policy/proxy-types.ts";
import type { SecretInfo } from "./secrets/create-secret-source.ts";

const using = engine(["github", "anthropic", "npm"]);
const describeSecret = (name: string): SecretInfo =>
  name === "npm"
    ? {
        name,
        description: "",
        state: "refused",
        origin: "file",
        place: "/s/npm",
        why: "/s/npm is open to other users",
        fix: "chmod 600 /s/npm",
      }
    : { name, description: "", state: "ready", origin: "environment", place: "GITHUB_TOKEN" };

function ask(url: string, policy: Partial<SessionPolicy> = {}, question: Partial<ExplainQuestion> = {}): Explanation {
  return explain(
    { url, identity: identity(policy), ...question },
    { engine: using, describeSecret, upstreams: { "api.anthropic.com": "https://gateway.example:8443" } },
  );
}

const short = ({ outcome, connect, ruleId, secret, refusal, steps }: Explanation): string =>
  [
    outcome,
    connect ?? "-",
    ruleId ?? "-",
    secret?.name ?? "-",
    refusal === undefined ? "-" : `${refusal.status} ${refusal.code}`,
    steps.at(-1)?.step,
  ].join(" ");

describe("explain", () => {
  it.each([
    ["https://api.github.com/user", {}, "injected intercept github-api github - secret"],
    ["https://example.com/", {}, "refused refuse - - 403 host-not-allowed network"],
    ["https://example.com/", { network: "open" }, "tunnelled tunnel - - - connection"],
    ["http://example.com/", { network: "open" }, "forwarded - - - - secret"],
    ["https://169.254.169.254/", { network: "open" }, "refused refuse - - 403 address-denied network"],
    ["https://0x7f.1/", {}, "refused - - - 403 address-ambiguous target"],
    ["https://api.github.com/a/../b", {}, "refused - - - 400 path-ambiguous target"],
    ["https://api.openai.com/v1/models", {}, "refused intercept openai-api-key openai 403 secret-missing secret"],
    ["https://npm.example.com/a", {}, "refused intercept npm npm 503 secret-unavailable secret"],
    ["https://github.com/acme/app/releases", {}, "forwarded intercept github-pages - - secret"],
    ["https://pypi.org/simple/", { network: "none" }, "refused refuse - - 403 network-none network"],
    ["nonsense", {}, "refused - - - 400 target-malformed target"],
  ] as const)("%s with %j → %s", (url, policy, expected) => {
    expect(short(ask(url, policy))).toBe(expected);
  });

  it.each([
    ["https://ghcr.io/token?scope=repository:a/b:pull", "the tokens of the answer stay in the proxy"],
    ["https://ghcr.io/v2/a/b/manifests/latest", "the token is put in that was made with github"],
  ])("what becomes of a registry's tokens: %s", (url, text) => {
    const ports = { engine: engine(["github"], { canExchangeTokens: true }), describeSecret };
    const { outcome: found, steps } = explain({ url, identity: identity() }, ports);
    expect(found).not.toBe("refused");
    expect(steps.map((step) => step.text).join("\n")).toContain(text);
  });

  it("a write in a read-only session is refused by its access mode", () => {
    expect(short(ask("https://api.github.com/gists", { accessMode: "read-only" }, { method: "POST" }))).toBe(
      "refused intercept - - 403 read-only access",
    );
  });

  it("the whole way is told, without the value of the secret", () => {
    const { steps } = ask("https://api.github.com/graphql", { accessMode: "read-only" }, { method: "POST" });
    expect(steps).toEqual([
      { step: "target", outcome: "passes", text: "https://api.github.com/graphql" },
      { step: "network", outcome: "passes", text: "the rule github-api names the host" },
      {
        step: "address",
        outcome: "note",
        text: "the name is resolved when it is asked for; every address it has must be public or allowed",
      },
      { step: "connection", outcome: "passes", text: "looked into: the rule github-api is for this host" },
      { step: "rule", outcome: "passes", text: "github-api: GitHub REST and GraphQL API, as gh uses it" },
      {
        step: "access",
        outcome: "passes",
        text: "the session is read-only; the body decides: GraphQL queries pass, mutations do not",
      },
      {
        step: "secret",
        outcome: "passes",
        text: "github (environment: GITHUB_TOKEN) is put in: the header authorization",
      },
    ]);
  });

  it("why a host without a rule is looked into", () => {
    const push = { host: "git.example.com", repository: "a/b", ref: "refs/heads/x" };
    const texts = (policy: Partial<SessionPolicy>): readonly string[] =>
      ask("https://git.example.com/a", { network: "open", ...policy }).steps.map(({ text }) => text);
    expect(texts({ push })).toContain("looked into: the session's repository is there");
    expect(texts({ accessMode: "read-only" })).toContain("looked into: the session is read-only");
  });

  it("that the agent can leave the proxy out, where it acts as the user", () => {
    const note = { step: "network", outcome: "note", text: "advisory: the agent can go round the proxy" };
    const steps = (policy: Partial<SessionPolicy>): Explanation["steps"] =>
      ask("https://api.github.com/user", policy).steps;
    const user = { network: "open", isIsolated: false, isUnconfined: true } as const;
    expect(steps(user)).not.toContainEqual(note);
    expect(steps({ ...user, accessMode: "read-only" })).toContainEqual(note);
    expect(steps({ ...user, network: "listed" })).toContainEqual(note);
    expect(steps({ accessMode: "read-only" })).not.toContainEqual(note);
  });

  it("what the session has used, and that its budget is used up", () => {
    const budget = createBudgetKeeper();
    budget.setLimit("s-1", parseBudget("1ktokens"));
    const url = "https://api.anthropic.com/v1/messages";
    const asked = (): Explanation => ask(url, {}, { method: "POST", budget });
    expect(asked()).toMatchObject({ outcome: "injected" });
    expect(asked().steps).toContainEqual({
      step: "budget",
      outcome: "passes",
      text: "the session has used 0.00usd, 0tokens of 1ktokens, all sessions today 0.00usd, 0tokens without a limit",
    });
    const usage = { inputTokens: 900, outputTokens: 100, cachedInputTokens: 0, cacheWriteTokens: 0 };
    budget.record({
      sessionId: "s-1",
      sessionName: "fix-login",
      vendor: "anthropic",
      exchangeId: "x",
      at: "",
      event: { type: "usage", model: "m", usage: { ...usage, longCacheWriteTokens: 0, isEstimated: false } },
    });
    expect(short(asked())).toBe("refused intercept anthropic-api-key - 429 budget-reached budget");
    expect(asked().refusal?.fix).toBe("clauderon budget fix-login 2ktokens");
    expect(ask(url, {}, { budget }).outcome).toBe("injected");
    const socket = ask("https://api.openai.com/v1/responses", {}, { budget, isUpgrade: true });
    expect(socket.refusal?.code).toBe("secret-missing");
  });

  it("the user's gateway is named", () => {
    expect(ask("https://api.anthropic.com/v1/models").steps).toContainEqual({
      step: "upstream",
      outcome: "note",
      text: "requests go to https://gateway.example:8443, as [proxy.upstreams] says",
    });
  });

  it.each([
    ["https://api.anthropic.com/", "tunnelled tunnel anthropic-api-key - - connection"],
    ["https://example.com/", "refused refuse - - 407 identity-missing connection"],
    ["http://example.com/", "refused - - - 407 identity-missing connection"],
  ])("P31 without a session %s → %s", (url, expected) => {
    expect(short(ask(url, {}, { identity: undefined }))).toBe(expected);
  });

  it("it says what the engine does", () => {
    const urls = [
      "https://api.github.com/user",
      "https://example.com/x",
      "https://1.1.1.1/",
      "https://localhost/",
      "https://api.openai.com/v1/models",
      "https://github.com/a/b.git/info/refs?service=git-receive-pack",
    ];
    for (const url of urls) {
      for (const policy of [{}, { network: "open" }, { accessMode: "read-only", network: "open" }] as const) {
        const said = ask(url, policy);
        const connect = connectTo(`${new URL(url).hostname}:443`, policy, using);
        const done = connect === "intercept" ? outcome({ url }, policy, using) : connect;
        expect(said.refusal === undefined ? said.outcome : `${said.refusal.status} ${said.refusal.code}`).toBe(
          done === "tunnel"
            ? "tunnelled"
            : done.startsWith("inject")
              ? "injected"
              : done.startsWith("forward")
                ? "forwarded"
                : done,
        );
      }
    }
  });
});
