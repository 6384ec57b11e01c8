import { describe, expect, it } from "vitest";

import { allSecrets, connectTo, decideOn, engine } from "./decide.fixture.ts";
import type { SessionPolicy } from "./proxy-types.ts";

const host: Partial<SessionPolicy> = { network: "open", isIsolated: false };

describe("a session that acts as the user on this machine", () => {
  const user: Partial<SessionPolicy> = { ...host, isUnconfined: true };

  it.each([
    "10.1.2.3:8443",
    "192.168.1.5:3000",
    "git.corp.example:8443",
    "printer.local:631",
    "127.0.0.1:5432",
    "localhost:8080",
  ])("reaches through the proxy what it reaches without it: %s", (target) => {
    expect(connectTo(target, user)).toBe("tunnel");
    expect(connectTo(target, { ...user, isUnconfined: false })).toMatch(/^403 /u);
    expect(connectTo(target, { ...user, deny: ["10.0.0.0/8", "*.example", target] })).toMatch(/^403 /u);
  });

  it("keeps its own way to a host where nothing would be put in", () => {
    const none = engine([]);
    for (const target of ["github.com:443", "api.github.com:443", "npm.example.com:443", "eu.sentry.example:443"]) {
      expect(connectTo(target, user, none)).toBe("tunnel");
      expect(connectTo(target, user)).toBe("intercept");
      expect(connectTo(target, { ...user, isUnconfined: false }, none)).toBe("intercept");
      expect(connectTo(target, { ...user, accessMode: "read-only" }, none)).toBe("intercept");
    }
    expect(connectTo("api.anthropic.com:443", user, none)).toBe("intercept");
    expect(connectTo("github.com:443", user, engine([], { diverted: new Set(["github.com"]) }))).toBe("intercept");
    const push = { host: "github.com", repository: "acme/app", ref: "refs/heads/fix" };
    expect(connectTo("github.com:443", { ...user, push }, none)).toBe("intercept");
  });

  it.each(["https://auth.openai.com/oauth/token", "https://console.anthropic.com/v1/oauth/token"])(
    "renews its own login, and the answer reaches it unchanged: %s",
    (url) => {
      for (const secrets of [[], allSecrets]) {
        const verdict = decideOn({ url, method: "POST" }, user, engine(secrets, { canReplaceAnswers: true }));
        expect(verdict).toMatchObject({ kind: "forward" });
        expect(verdict).not.toHaveProperty("answerFields");
        expect(verdict).not.toHaveProperty("secret");
      }
    },
  );
});
