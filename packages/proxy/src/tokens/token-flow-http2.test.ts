import { afterAll, beforeAll, expect, it } from "vitest";

import { createPolicyEngine } from "../policy/decide.ts";
import { shippedRules } from "../rules/shipped-rules.ts";
import { ask, http2Through } from "../transport/testing/http2-client.fixture.ts";
import { startHttp2Upstream, type Http2Upstream } from "../transport/testing/http2-upstream.fixture.ts";
import { startTestProxy, type TestProxy } from "../transport/testing/test-proxy.fixture.ts";

const real = `REAL-${"t0ken.".repeat(60)}signature-of-ninety-six-characters-or-more-${"z".repeat(80)}`;
let upstream: Http2Upstream;
let test: TestProxy;

beforeAll(async () => {
  upstream = await startHttp2Upstream();
  const override = { scheme: "https", host: "ghcr.io", port: upstream.port } as const;
  test = await startTestProxy({
    engine: createPolicyEngine({
      rules: shippedRules({}),
      secrets: new Set(["github"]),
      canExchangeTokens: true,
    }),
    readSecret: async () => "REAL-LOGIN-7d1f20",
    upstream: { overrides: new Map([["ghcr.io", override]]) },
  });
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

it("P27 the token flow over HTTP/2, from end to end", async () => {
  upstream.respond = ({ stream, headers }) => {
    const isToken = headers[":path"]?.startsWith("/token") === true;
    stream.respond({ ":status": 200, "content-type": "application/json", "set-cookie": [`a=${real}`, "b=1"] });
    stream.end(isToken ? JSON.stringify({ token: real, expires_in: 300 }) : `seen: ${String(headers.authorization)}`);
  };
  const session = await http2Through(test, { target: "ghcr.io:443" });
  const get = (path: string, more: Record<string, string> = {}) =>
    ask(session, { ":authority": "ghcr.io", ":path": path, ...more });
  const first = await get("/token?scope=repository:a/b:pull");
  const { token } = JSON.parse(first.body) as { readonly token: string };
  expect(first).toMatchObject({ status: 200, resetCode: 0 });
  expect(first.headers).toMatchObject({ "content-length": String(first.body.length) });
  expect(first.headers).not.toHaveProperty("set-cookie");
  expect(token).toMatch(/^clauderon\.token\./u);
  const second = await get("/v2/a/b/manifests/latest", { authorization: `Bearer ${token}` });
  expect(upstream.calls.at(-1)?.headers.authorization).toBe(`Bearer ${real}`);
  // What is signed at its end is good for nothing without it.
  expect(second.body).toMatch(/^seen: Bearer REAL-/u);
  for (const answer of [first.body, second.body, JSON.stringify(second.headers)]) {
    expect(answer).not.toContain(real);
    expect(answer).not.toContain(real.slice(-48));
  }
  session.close();
});

it("a client that leaves while the token service answers is forgotten", async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const { promise: gone, resolve: leave } = Promise.withResolvers<void>();
  upstream.respond = ({ stream }) => {
    stream.once("close", leave);
    stream.respond({ ":status": 200, "content-type": "application/json" });
    stream.write(`{"token":"${real}`);
    resolve();
  };
  const session = await http2Through(test, { target: "ghcr.io:443" });
  const stream = session.request({ ":authority": "ghcr.io", ":path": "/token?scope=x" });
  stream.on("error", () => undefined);
  await asked;
  stream.close();
  await gone;
  expect((await test.proxy.status()).requests).toBe(0);
  session.close();
});
