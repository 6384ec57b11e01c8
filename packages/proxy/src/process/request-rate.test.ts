import { describe, expect, it } from "vitest";

import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import { RequestRate } from "./request-rate.ts";

function context(sessionId: string): ExchangeContext {
  const policy = { accessMode: "read-write", network: "listed", allow: [], deny: [], isIsolated: true } as const;
  const target = { scheme: "https", host: "api.test", port: 443 } as const;
  const request = { target, method: "GET", path: "/a", query: "key=hidden", headers: [], isUpgrade: false };
  return { identity: { sessionId, sessionName: sessionId, policy }, request, rule: undefined };
}

describe("the requests of a session", () => {
  const time = { ms: 5000 };
  const asked = (rate: RequestRate, sessionId: string, count: number): number =>
    Array.from({ length: count }, () => rate.check(context(sessionId))).filter((answer) => answer === undefined).length;

  it("are so many per second, ten times as many at once; another session's are its own", () => {
    const rate = new RequestRate(10, { monotonicMs: () => time.ms });
    expect(asked(rate, "a", 300)).toBe(100);
    expect(asked(rate, "b", 50)).toBe(50);
    time.ms += 1000;
    expect(asked(rate, "a", 300)).toBe(10);
    time.ms += 3_600_000;
    expect(asked(rate, "a", 300)).toBe(100);
    rate.setPerSecond(1);
    time.ms += 2000;
    expect(asked(rate, "a", 300)).toBe(2);
  });

  it("that come too soon are answered in a way that programs retry and people read", () => {
    const rate = new RequestRate(0.1, { monotonicMs: () => time.ms });
    expect(rate.check(context("a"))).toBeUndefined();
    // What is open is no new request.
    expect(rate.check({ ...context("a"), isOpen: true })).toBeUndefined();
    const { refusal, answer } = rate.check(context("a")) ?? {};
    expect(refusal).toMatchObject({ status: 429, code: "too-many-requests-per-second" });
    expect(answer).toMatchObject({ status: 429, headers: { "retry-after": "1" } });
    expect(answer?.body).toContain("clauderon proxy explain 'https://api.test/a'");
    expect(answer?.body).not.toContain("hidden");
  });

  it("of any number of sessions take bounded room, the latest kept", () => {
    const rate = new RequestRate(0.1, { monotonicMs: () => time.ms });
    for (let index = 0; index < 5000; index += 1) expect(asked(rate, `s${index}`, 1)).toBe(1);
    expect(asked(rate, "s4999", 1)).toBe(0);
    expect(asked(rate, "s0", 1)).toBe(1);
  });
});
