import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createSessionTokens } from "./session-tokens.ts";
import { rewriteTokenAnswer } from "./token-answer.ts";

const fields = ["token", "access_token", "refresh_token"];

function rewrite(answer: unknown, kept: [string, number][] = []): unknown {
  const text = rewriteTokenAnswer(typeof answer === "string" ? answer : JSON.stringify(answer), {
    fields,
    keep(token, lifetimeMs) {
      kept.push([token, lifetimeMs]);
      return `handle-${kept.length}`;
    },
  });
  return text === undefined ? undefined : JSON.parse(text);
}

describe("P27 the answer of a token service", () => {
  it("holds handles in place of tokens, the same for the same token, wherever it stands", () => {
    expect(
      rewrite({ token: "REAL", access_token: "REAL", expires_in: 300, issued_at: "x", note: "it is REAL, really" }),
    ).toEqual({
      token: "handle-1",
      access_token: "handle-1",
      expires_in: 300,
      issued_at: "x",
      note: "it is handle-1, really",
    });
  });

  it("holds no refresh token, nor what stands in it elsewhere", () => {
    const answer = { token: "A", data: { refresh_token: "LONG", list: [{ access_token: ["B", 1] }], echo: "LONG" } };
    expect(JSON.stringify(rewrite(answer))).not.toMatch(/"[AB]"|LONG/u);
    expect(rewrite(answer)).not.toHaveProperty("data.refresh_token");
  });

  it.each([
    [{}, 120_000],
    [{ expires_in: 300 }, 360_000],
    [{ expires_in: -1 }, 120_000],
    [{ expires_in: 1e12 }, 86_460_000],
    [{ expires_in: "300" }, 120_000],
  ])("says how long the token is good: %j", (more, expected) => {
    const kept: [string, number][] = [];
    rewrite({ token: "REAL", ...more }, kept);
    expect(kept).toEqual([["REAL", expected]]);
  });

  it.each(["", "token=REAL", '"REAL"', "null", '{"token":"REAL"', "<html>"])(
    "that is no object is told: %j",
    (text) => {
      expect(rewrite(text)).toBeUndefined();
    },
  );

  it("never shows a token, whatever its shape", () => {
    const token = fc.string({ minLength: 8, maxLength: 40 }).map((text) => `T0K3N${text}`);
    const answer = fc.letrec((tie) => ({
      node: fc.oneof({ maxDepth: 3 }, fc.constant(1), fc.array(tie("node"), { maxLength: 3 }), tie("object")),
      object: fc.dictionary(fc.constantFrom("token", "access_token", "data", "x"), tie("node"), { maxKeys: 4 }),
    })).object;
    fc.assert(
      fc.property(token, answer, (real, rest) => {
        const text = JSON.stringify({ token: real, rest, also: { access_token: `${real}-2`, echo: `<${real}>` } });
        expect(JSON.stringify(rewrite(text))).not.toContain("T0K3N");
      }),
      { numRuns: 500 },
    );
  });
});

describe("the tokens of a session", () => {
  const token = { token: "REAL", secret: "docker", hosts: ["registry-1.docker.io"] };

  it("are found by a handle of 256 bits, until they end", () => {
    let now = 0;
    const tokens = createSessionTokens(() => now);
    const handle = tokens.keep(token, 1000);
    expect(handle).toMatch(/^clauderon\.token\.[\w-]{43}$/u);
    expect(tokens.keep(token, 1000)).toBe(handle);
    expect(tokens.keep({ ...token, hosts: ["other.example"] }, 1000)).not.toBe(handle);
    expect(tokens.keep({ ...token, secret: undefined }, 1000)).not.toBe(handle);
    now = 999;
    expect(tokens.find(handle)).toMatchObject(token);
    expect(tokens.find(`${handle}x`)).toBeUndefined();
    expect(createSessionTokens(() => now).find(handle)).toBeUndefined();
    now = 1000;
    expect(tokens.find(handle)).toBeUndefined();
  });

  it("are a limited number, the oldest first to go", () => {
    const tokens = createSessionTokens(() => 0);
    const handles = Array.from({ length: 300 }, (_, index) => tokens.keep({ ...token, token: `t${index}` }, 1000));
    const found = handles.filter((handle) => tokens.find(handle) !== undefined);
    expect(found).toEqual(handles.slice(-256));
  });
});
