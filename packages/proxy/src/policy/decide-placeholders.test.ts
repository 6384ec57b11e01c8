import { describe, expect, it } from "vitest";

import { tokenRoutes, placeholderSpellings, githubPlaceholder } from "../attacks/tables/credentials.fixture.ts";
import { decideOn, engine, outcome } from "./decide.fixture.ts";
import type { SessionPolicy } from "./proxy-types.ts";

const open: Partial<SessionPolicy> = { network: "open" };
const host: Partial<SessionPolicy> = { network: "open", isIsolated: false };
const readOnly: Partial<SessionPolicy> = { accessMode: "read-only" };

describe("requests and their credential", () => {
  it.each(["TRACE", "TRACK"])("P26 %s, which echoes the credential, is refused", (method) => {
    for (const policy of [{}, host, readOnly]) {
      expect(outcome({ method, url: "https://api.github.com/user" }, policy)).toBe("403 method-refused");
    }
  });

  it.each(tokenRoutes)("P27 %s %s hands out a credential and is refused", (method, url) => {
    expect(outcome({ method, url })).toBe("403 token-route");
    expect(outcome({ method, url }, host)).toBe("403 token-route");
  });

  it("P27 a route whose answer is rewritten passes with the fields to rewrite", () => {
    const using = engine(undefined, { canReplaceAnswers: true });
    expect(outcome({ method: "POST", url: "https://auth.openai.com/oauth/token" }, host, using)).toBe("forward answer");
    expect(outcome({ url: "https://ghcr.io/token?scope=repository:a/b:pull" }, {}, using)).toBe("inject github answer");
    expect(outcome({ method: "POST", url: "https://npm.example.com/-/npm/v1/tokens" }, {}, using)).toBe(
      "403 token-route",
    );
  });

  it("P27 a login inside a sandbox is renewed here, with placeholders, and the host is not asked", () => {
    const answer = { status: 200, headers: { "content-type": "application/json" }, body: "{}" };
    const using = engine(undefined, { localAnswer: (ruleId) => (ruleId === "chatgpt-token" ? answer : undefined) });
    const verdict = decideOn({ method: "POST", url: "https://auth.openai.com/oauth/token" }, {}, using);
    expect(verdict).toMatchObject({ kind: "refuse", refusal: { status: 200, code: "answered-locally" }, answer });
    expect(outcome({ method: "GET", url: "https://auth.openai.com/oauth/token" }, {}, using)).toBe("403 token-route");
    expect(outcome({ method: "POST", url: "https://auth.openai.com/oauth/token" }, { network: "none" }, using)).toBe(
      "403 network-none",
    );
  });

  it("P27 a container registry's token is asked for without a login where the answer cannot be rewritten", () => {
    expect(outcome({ url: "https://ghcr.io/token?scope=repository:a/b:pull" })).toBe("forward drops");
    expect(outcome({ url: "https://auth.docker.io/token?service=registry.docker.io" })).toBe("forward drops");
  });

  it.each(placeholderSpellings)("P29 a placeholder (%s) goes to no host but its own", (_, headers, path) => {
    for (const origin of [
      "https://api.anthropic.com",
      "https://npm.example.com",
      "http://example.com",
      "http://api.github.com",
    ]) {
      expect(outcome({ url: `${origin}${path}`, headers: { ...headers } }, open)).toBe("403 placeholder-misplaced");
      expect(outcome({ url: `${origin}${path}`, headers: { ...headers } }, host)).toBe("403 placeholder-misplaced");
    }
    expect(outcome({ url: `https://api.github.com${path}`, headers: { ...headers } }, open)).toBe("inject github");
  });

  it("P29 the product's name alone is no placeholder", () => {
    expect(
      outcome(
        { url: "http://example.com/acme/clauderon?q=clauderon-github", headers: { "user-agent": "clauderon/1" } },
        open,
      ),
    ).toBe("forward");
  });

  it("P30 a placeholder whose secret is missing never goes on the wire", () => {
    const headers = { authorization: `Bearer ${githubPlaceholder}` };
    expect(outcome({ url: "https://api.github.com/user", headers }, {}, engine([]))).toBe("403 secret-missing");
    expect(outcome({ url: "https://api.github.com/user", headers }, host, engine([]))).toBe("403 secret-missing");
  });

  it("P30 a placeholder on a path that no rule names never goes on the wire", () => {
    const headers = { authorization: "Bearer clauderon-sentry-placeholder" };
    expect(outcome({ url: "https://eu.sentry.example/settings", headers })).toBe("forward drops");
    expect(outcome({ url: "https://eu.sentry.example/settings", headers }, host)).toBe("403 placeholder-misplaced");
  });

  it("P43 a rule's path is not stretched by what servers read differently", () => {
    for (const path of ["/apix", "/API/0", "/api;x/0/1", "/x/api/0"]) {
      expect(outcome({ url: `https://eu.sentry.example${path}` })).toBe("forward drops");
    }
    for (const path of ["/x/../api/0", "/api/..;/0", "/x/%2e%2e/api", "/api%2f..%2fx"]) {
      expect(outcome({ url: `https://eu.sentry.example${path}` })).toBe("400 path-ambiguous");
    }
    expect(outcome({ url: "https://eu.sentry.example/api/a%2Fb" })).toBe("inject sentry");
    expect(outcome({ url: "https://eu.sentry.example/api%2Fa" })).toBe("forward drops");
  });
});
