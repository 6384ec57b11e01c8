import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { ask, http2Through } from "../transport/testing/http2-client.fixture.ts";
import { connectThrough, isWholeAnswer, readUntil, tlsThrough } from "../transport/testing/test-proxy.fixture.ts";
import { LiveWorld, type SessionAccessWay } from "./live-world.fixture.ts";
import type { ProxyClient } from "./proxy-client.ts";

const anthropic = "api.anthropic.com:443";
const openai = "api.openai.com:443";
let world: LiveWorld;
let client: ProxyClient;
let way: SessionAccessWay;

beforeEach(async () => {
  world = await LiveWorld.open();
  client = await world.proxy();
  way = await world.admit(client);
});
afterEach(async () => {
  client.close();
  await world[Symbol.asyncDispose]();
});

/** The status of one more request on an open connection, and why it was refused. */
async function request(tls: TLSSocket, line = "GET /v1/models"): Promise<string> {
  const read = readUntil(tls, (text) => isWholeAnswer(text) || text.endsWith("0\r\n\r\n"));
  tls.write(`${line} HTTP/1.1\r\nHost: api.anthropic.com\r\nX-Api-Key: placeholder\r\nContent-Length: 0\r\n\r\n`);
  const { text } = await read;
  return `${text.slice(9, 12)} ${/is denied|no network|read-only/u.exec(text)?.[0] ?? ""}`.trim();
}

async function openWebSocket(target: string, path: string): Promise<WebSocket> {
  const carrier = await tlsThrough(way, { target });
  const socket = new WebSocket(`ws://${target.replace(":443", "")}${path}`, {
    createConnection: () => carrier,
    headers: { authorization: "Bearer placeholder", "x-api-key": "placeholder" },
  });
  await Promise.race([
    once(socket, "open"),
    once(socket, "unexpected-response").then(([, response]: { statusCode?: number }[]) => {
      throw new Error(`refused with ${String(response?.statusCode)}`);
    }),
  ]);
  return socket;
}

async function echo(socket: WebSocket, text: string): Promise<string> {
  const answered = once(socket, "message");
  socket.send(text);
  return String((await answered)[0]);
}

describe("A6 what a session may do, changed while its connections are open", () => {
  it("holds for the next request on a connection that is kept", async () => {
    const tls = await tlsThrough(way, { target: anthropic });
    expect(await request(tls)).toBe("200");
    await world.change(client, { deny: ["api.anthropic.com"] });
    expect(await request(tls)).toBe("403 is denied");
    await world.change(client, { network: "none" });
    expect(await request(tls)).toBe("403 no network");
    await world.change(client, {});
    expect(await request(tls, "POST /v1/files")).toBe("200");
    await world.change(client, { accessMode: "read-only" });
    expect(await request(tls, "POST /v1/files")).toBe("403 read-only");
    expect(await request(tls)).toBe("200");
    tls.destroy();
  });

  it("holds for the next stream of HTTP/2", async () => {
    const session = await http2Through(way, { target: anthropic });
    const status = async (): Promise<number> => (await ask(session, { ":path": "/v1/models" })).status;
    expect(await status()).toBe(200);
    await world.change(client, { deny: ["*.anthropic.com"] });
    expect(await status()).toBe(403);
    await world.change(client, {});
    expect(await status()).toBe(200);
    session.destroy();
  });

  it("cuts a tunnel that would not be one any more, and leaves another", async () => {
    const server = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const open = async (): Promise<Socket> => (await connectThrough(way, { target })).socket;
    await world.change(client, { allow: [target] });
    const first = await open();
    const echoed = readUntil(first, (text) => text === "hello");
    first.write("hello");
    expect((await echoed).text).toBe("hello");
    await world.change(client, { allow: [target, "example.com"] });
    const again = readUntil(first, (text) => text === "more");
    first.write("more");
    expect((await again).text).toBe("more");
    // A session that may only read is looked into everywhere.
    const cut = readUntil(first);
    await world.change(client, { allow: [target], accessMode: "read-only" });
    await cut;
    await world.change(client, { allow: [target] });
    const second = await open();
    const gone = readUntil(second);
    await world.change(client, {});
    await gone;
    expect((await connectThrough(way, { target })).answer).toMatch(/^HTTP\/1.1 403/u);
    server.close();
  });

  it("cuts a WebSocket that would not be let in any more, and leaves one that would", async () => {
    const other = await openWebSocket(anthropic, "/v1/socket");
    const model = await openWebSocket(openai, "/v1/responses");
    const closed = once(other, "close");
    await world.change(client, { accessMode: "read-only" });
    await closed;
    expect(await echo(model, "still here")).toBe("still here");
    const ended = once(model, "close");
    await world.change(client, { accessMode: "read-only", deny: ["api.openai.com"] });
    await ended;
    await expect(openWebSocket(openai, "/v1/responses")).rejects.toThrow(/403/u);
  });

  it("is kept over a kill of the proxy", async () => {
    await world.change(client, { deny: ["api.anthropic.com"] });
    process.kill((await client.call("status", {})).processId, "SIGKILL");
    await client.ended;
    client = await world.proxy();
    expect((await connectThrough(way, { target: anthropic })).answer).toMatch(/^HTTP\/1.1 403/u);
    const tls = await tlsThrough(way, { target: openai });
    tls.destroy();
  });
});

describe("A8 a limit on an open WebSocket to a model", () => {
  it("ends it: its answers could not be stopped one by one; without the limit it opens again", async () => {
    const socket = await openWebSocket(openai, "/v1/responses");
    expect(await echo(socket, "one")).toBe("one");
    const closed = once(socket, "close");
    await client.call("limit", { sessionId: "s1", limit: "5usd" });
    await closed;
    await expect(openWebSocket(openai, "/v1/responses")).rejects.toThrow(/426/u);
    await client.call("limit", { sessionId: "s1" });
    const again = await openWebSocket(openai, "/v1/responses");
    expect(await echo(again, "two")).toBe("two");
    again.terminate();
  });

  it("also when it is the day's, from the configuration", async () => {
    const socket = await openWebSocket(openai, "/v1/responses");
    const closed = once(socket, "close");
    await world.configure('[budget]\nper_day = "5usd"');
    await closed;
    await world.configure("");
    await expect
      .poll(async () => openWebSocket(openai, "/v1/responses").then((opened) => opened.terminate(), String), {
        timeout: 20_000,
      })
      .toBeUndefined();
  });
});
