import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ask, http2Through } from "../transport/testing/http2-client.fixture.ts";
import { basic, isWholeAnswer, readUntil, tlsThrough } from "../transport/testing/test-proxy.fixture.ts";
import { LiveWorld, type SessionAccessWay } from "./live-world.fixture.ts";
import { openProxyHome } from "./open-proxy-home.ts";
import type { ProxyClient } from "./proxy-client.ts";

const anthropic = "api.anthropic.com:443";
const tokensPerAnswer = 150;
const parallel = 20;
const asked = JSON.stringify({ model: "claude-sonnet-5", stream: true, messages: [{ role: "user", content: "hi" }] });

let world: LiveWorld;
let client: ProxyClient;
let way: SessionAccessWay;
/** Ends the answers that are held back. */
let held: (() => void)[];
let isHeld: boolean;

beforeEach(async () => {
  world = await LiveWorld.open();
  client = await world.proxy();
  way = await world.admit(client);
  held = [];
  isHeld = false;
  world.handle = (request, response) => {
    request.resume();
    response.setHeader("content-type", "text/event-stream");
    const start = { model: "claude-sonnet-5", usage: { input_tokens: tokensPerAnswer - 50, output_tokens: 1 } };
    const send = (type: string, data: object): void =>
      void (response as NodeJS.WritableStream).write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
    send("message_start", { message: { type: "message", role: "assistant", content: [], ...start } });
    const end = (): void => {
      send("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 50 } });
      send("message_stop", {});
      response.end();
    };
    if (isHeld) held.push(end);
    else end();
  };
});
afterEach(async () => {
  client.close();
  await world[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function overHttp1(): Promise<Answer> {
  const tls = await tlsThrough(way, { target: anthropic });
  const read = readUntil(tls, (text) => isWholeAnswer(text) || text.endsWith("0\r\n\r\n"));
  const head = `POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nX-Api-Key: placeholder\r\nContent-Type: application/json`;
  tls.write(`${head}\r\nContent-Length: ${asked.length}\r\n\r\n${asked}`);
  const { text } = await read;
  tls.destroy();
  return { status: Number(text.slice(9, 12)), text };
}

const spent = async (): Promise<number> => (await client.call("spending", { sessionId: "s1" })).tokens;

async function allSpent(tokens: number): Promise<void> {
  await expect.poll(spent, { timeout: 20_000 }).toBe(tokens);
}

describe("A8 a budget", () => {
  it("is overshot by one answer when they come one after the other, and a raise lets the next one through", async () => {
    await client.call("limit", { sessionId: "s1", limit: "1ktokens" });
    let answers = 0;
    let last = await overHttp1();
    for (; last.status === 200 && answers < 20; last = await overHttp1()) {
      answers += 1;
      await allSpent(answers * tokensPerAnswer);
    }
    expect(answers).toBe(Math.ceil(1000 / tokensPerAnswer));
    expect(await spent()).toBeLessThanOrEqual(1000 + tokensPerAnswer);
    expect(last.status).toBe(429);
    expect(last.text).toMatch(/retry-after: \d+/iu);
    expect(JSON.parse(last.text.slice(last.text.indexOf("\r\n\r\n")))).toMatchObject({
      type: "error",
      error: {
        type: "rate_limit_error",
        message: expect.stringContaining("clauderon budget name-s1 2ktokens") as string,
      },
    });
    const accounts = await client.call("budget", { sessionId: "s1" });
    expect(accounts).toMatchObject({ isKnown: true, session: { isReached: true, limit: { tokens: 1000 } } });

    await client.call("limit", { sessionId: "s1", limit: "2ktokens" });
    expect((await overHttp1()).status).toBe(200);
  });

  it.each(["HTTP/1.1", "HTTP/2"])(
    `is overshot by at most one answer for each of ${parallel} parallel streams over %s`,
    async (protocol) => {
      await client.call("limit", { sessionId: "s1", limit: "1ktokens" });
      isHeld = true;
      const session = protocol === "HTTP/2" ? await http2Through(way, { target: anthropic }) : undefined;
      const headers = { ":method": "POST", ":path": "/v1/messages", "content-type": "application/json" };
      const one = async (): Promise<Answer> => {
        if (session === undefined) return overHttp1();
        const { status, body } = await ask(session, { ...headers, "x-api-key": "placeholder" }, asked);
        return { status, text: body };
      };
      const streams = Array.from({ length: parallel }, one);
      await expect.poll(() => held.length, { timeout: 20_000 }).toBe(parallel);
      for (const end of held) end();
      isHeld = false;
      for (const { status, text } of await Promise.all(streams)) {
        expect(status).toBe(200);
        // None is cut.
        expect(text).toContain("message_stop");
      }
      await allSpent(parallel * tokensPerAnswer);
      expect(await spent()).toBeLessThanOrEqual(1000 + parallel * tokensPerAnswer);
      const refused = await Promise.all(Array.from({ length: parallel }, one));
      expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 429));
      expect(await spent()).toBe(parallel * tokensPerAnswer);
      await client.call("limit", { sessionId: "s1", limit: "4ktokens" });
      expect((await one()).status).toBe(200);
      session?.destroy();
    },
  );

  it("of a day holds for every session, from the moment the configuration says it", async () => {
    await overHttp1();
    await allSpent(tokensPerAnswer);
    await world.configure('[budget]\nper_day = "100tokens"');
    await expect.poll(async () => (await overHttp1()).status, { timeout: 20_000 }).toBe(429);
    expect((await client.call("budget", { sessionId: "nobody" })).day).toMatchObject({ isReached: true });
    expect((await client.call("budget", { sessionId: "nobody" })).isKnown).toBe(false);
    await world.configure('[budget]\nper_day = "1mtokens"');
    await expect.poll(async () => (await overHttp1()).status, { timeout: 20_000 }).toBe(200);
  });

  it("is told in each vendor's own words of an error to be tried again", async () => {
    await client.call("limit", { sessionId: "s1", limit: "100tokens" });
    await overHttp1();
    await allSpent(tokensPerAnswer);
    const ask = async (host: string, path: string): Promise<Answer> => {
      const tls = await tlsThrough(way, { target: `${host}:443` });
      const read = readUntil(tls, isWholeAnswer);
      const key = host.includes("google") ? "X-Goog-Api-Key: placeholder" : "Authorization: Bearer placeholder";
      tls.write(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${key}\r\nContent-Length: ${asked.length}\r\n\r\n${asked}`);
      const { text } = await read;
      tls.destroy();
      return { status: Number(text.slice(9, 12)), text };
    };
    const openai = await ask("api.openai.com", "/v1/responses");
    const gemini = await ask("generativelanguage.googleapis.com", "/v1beta/models/gemini-3.8-flash:generateContent");
    expect([openai.status, gemini.status]).toEqual([503, 429]);
    expect(openai.text).toContain('"code":"server_is_overloaded"');
    expect(gemini.text).toContain('"status":"RESOURCE_EXHAUSTED"');
    for (const { text } of [openai, gemini]) expect(text).toMatch(/retry-after: \d+/iu);
  });

  it("is kept for a session that is removed to come back, and forgotten with it", async () => {
    await client.call("limit", { sessionId: "s1", limit: "100tokens" });
    await overHttp1();
    await allSpent(tokensPerAnswer);
    await client.call("remove", { sessionId: "s1", keepsSpending: true });
    way = await world.admit(client);
    expect(await spent()).toBe(tokensPerAnswer);
    await client.call("remove", { sessionId: "s1" });
    way = await world.admit(client);
    expect(await spent()).toBe(0);
  });

  it("holds for a proxy of one command, too", async () => {
    const environment = { ANTHROPIC_API_KEY: "sk-ant-REAL" };
    const home = await openProxyHome({ home: world.home, userHome: dirname(world.home), environment });
    const policy = { accessMode: "read-write", network: "open", allow: [], deny: [], isIsolated: false } as const;
    await using served = await home.serve({ name: "run", policy, budget: "100tokens" });
    const url = new URL(served.environment["HTTPS_PROXY"] ?? "");
    const ca = await readFile(served.environment["SSL_CERT_FILE"] ?? "", "utf8");
    way = { port: served.port, token: url.password, authorization: basic(url.username, url.password), ca };
    expect((await overHttp1()).status).toBe(200);
    await expect.poll(async () => (await overHttp1()).status, { timeout: 20_000 }).toBe(429);
    await expect(home.serve({ name: "run", policy, budget: "5" })).rejects.toMatchObject({ code: "usage.invalid" });
  });

  it("is not forgotten when the proxy is killed", async () => {
    await client.call("limit", { sessionId: "s1", limit: "100tokens" });
    await overHttp1();
    const state = join(world.home, "proxy", "state.json");
    await expect
      .poll(async () => readFile(state, "utf8"), { timeout: 20_000 })
      .toContain(`"tokens":${tokensPerAnswer}`);
    process.kill((await client.call("status", {})).processId, "SIGKILL");
    await client.ended;
    client = await world.proxy();
    expect((await overHttp1()).status).toBe(429);
  });
});
