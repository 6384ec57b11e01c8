import { once } from "node:events";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";

import { systemClock } from "@clauderon/core/host";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

import { SecureContexts } from "../certificates/secure-contexts.ts";
import type { ExchangeObserver } from "../exchange/exchange-observer.ts";
import {
  startRecordingUpstream,
  upstreamAuthority,
  type RecordingUpstream,
} from "./testing/recording-upstream.fixture.ts";
import {
  identity,
  isWholeAnswer,
  openPolicy,
  readUntil,
  realSecret,
  startTestProxy,
  testEngine,
  tlsThrough,
  type TestProxy,
} from "./testing/test-proxy.fixture.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";
let upstream: RecordingUpstream;
let test: TestProxy;
let target: string;
const seen: string[] = [];

const observer: ExchangeObserver = {
  onRequestBody: (chunk) => seen.push(`up ${chunk.length}`),
  onResponseHead: ({ status }) => seen.push(`head ${status}`),
  onResponseBody: (chunk) => seen.push(`down ${chunk.length}`),
  onEnd: (outcome) => seen.push(outcome),
};

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  test = await startTestProxy({
    observers: [({ request }) => (request.isUpgrade ? observer : undefined)],
    engine: testEngine({
      request: (asker) =>
        asker.policy.network === "none"
          ? { kind: "refuse", refusal: { status: 403, code: "none", message: "none", fix: "none" } }
          : undefined,
    }),
  });
  target = `api.test:${upstream.port}`;
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => upstream.clear());

function upgrade(lines: readonly string[], method = "GET"): string {
  return `${method} /ws HTTP/1.1\r\nHost: ${target}\r\n${lines.join("\r\n")}\r\n\r\n`;
}

const whole = ["Connection: Upgrade", "Upgrade: websocket", `Sec-WebSocket-Key: ${key}`, "Sec-WebSocket-Version: 13"];

describe("a WebSocket", () => {
  it("opens under the rule of its host, carries both ways, and is watched", async () => {
    const contexts = new SecureContexts(upstreamAuthority, { clock: systemClock });
    const server = createHttpsServer({ SNICallback: (name, done) => done(null, contexts.get(name)) });
    const sockets = new WebSocketServer({ server, perMessageDeflate: true });
    const asked: Record<string, unknown>[] = [];
    sockets.on("connection", (socket, request) => {
      asked.push(request.headers);
      socket.on("message", (data: Buffer) => socket.send(`${data.toString()} and ${realSecret}`));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const host = `api.test:${(server.address() as AddressInfo).port}`;
    seen.length = 0;
    const carrier = await tlsThrough(test, { target: host });
    const socket = new WebSocket(`ws://${host}/ws`, {
      createConnection: () => carrier,
      headers: { authorization: "Bearer placeholder" },
    });
    await once(socket, "open");
    socket.send("hello");
    const [message] = await once(socket, "message");
    expect(String(message)).toMatch(/^hello and /u);
    expect(String(message)).not.toContain(realSecret);
    expect(String(message)).toHaveLength(`hello and ${realSecret}`.length);
    expect(asked[0]).toMatchObject({ authorization: `Bearer ${realSecret}` });
    expect(asked[0]).not.toHaveProperty("sec-websocket-extensions");
    socket.close();
    await once(socket, "close");
    await expect.poll(() => seen.at(-1)).toBe("complete");
    expect(seen.filter((line) => !line.startsWith("up") && !line.startsWith("down"))).toEqual(["head 101", "complete"]);
    expect(seen.some((line) => line.startsWith("up"))).toBe(true);
    sockets.close();
    server.close();
  });

  it("P41 bytes before the 101 reach the upstream only behind it, and never as a request", async () => {
    const tls = await tlsThrough(test, { target });
    upstream.respond = () => undefined;
    tls.write(`${upgrade(whole)}GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n`);
    await upstream.until(() => upstream.text.endsWith("\r\n\r\n"));
    expect(upstream.text).not.toContain("smuggled");
    const read = readUntil(tls, isWholeAnswer);
    upstream.connections.at(-1)?.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    expect((await read).text).toMatch(/^HTTP\/1.1 200 OK[\s\S]*no$/u);
    expect((await readUntil(tls)).text).toBe("");
    expect(upstream.text).not.toContain("smuggled");
  });

  it("is cut when the session's policy forbids it", async () => {
    upstream.respond = ({ socket, text }) =>
      text.endsWith("\r\n\r\n") &&
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    const tls = await tlsThrough(test, { target });
    const opened = readUntil(tls, (text) => text.endsWith("\r\n\r\n"));
    tls.write(upgrade(whole));
    expect((await opened).text).toMatch(/^HTTP\/1.1 101/u);
    const cut = readUntil(tls);
    await test.proxy.identities.update(identity("s1", { ...openPolicy, network: "none" }));
    await cut;
    await upstream.until(() => upstream.connections.at(-1)?.isClosed === true);
    await test.proxy.identities.update(identity());
  });
});

describe("a WebSocket that is forbidden before the upstream has agreed", () => {
  it("does not stay open", async () => {
    upstream.respond = () => undefined;
    const tls = await tlsThrough(test, { target });
    tls.write(upgrade(whole));
    await upstream.until(() => upstream.text.endsWith("\r\n\r\n"));
    const asked = upstream.connections.findLast(({ text }) => text.endsWith("\r\n\r\n"));
    await test.proxy.identities.update(identity("s1", { ...openPolicy, network: "none" }));
    const cut = readUntil(tls);
    asked?.socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    await cut;
    await upstream.until(() => asked?.isClosed === true);
    await test.proxy.identities.update(identity());
  });
});

describe("P41 other upgrades", () => {
  const without = (name: string): readonly string[] => whole.filter((line) => !line.startsWith(name));
  it.each([
    ["h2c", upgrade(["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"])],
    ["h2c and websocket", upgrade([...without("Upgrade"), "Upgrade: websocket, h2c"])],
    ["another protocol", upgrade(["Connection: Upgrade", "Upgrade: TLS/1.0"])],
    ["a body", `${upgrade([...whole, "Content-Length: 5"])}hello`],
    ["chunks", `${upgrade([...whole, "Transfer-Encoding: chunked"])}0\r\n\r\n`],
    ["a POST", upgrade(whole, "POST")],
    ["HTTP/1.0", upgrade(whole).replace("HTTP/1.1", "HTTP/1.0")],
    ["no key", upgrade(without("Sec-WebSocket-Key"))],
    ["a short key", upgrade([...without("Sec-WebSocket-Key"), "Sec-WebSocket-Key: abc"])],
    ["two keys", upgrade([...whole, `Sec-WebSocket-Key: ${key}`])],
    ["an old version", upgrade([...without("Sec-WebSocket-Version"), "Sec-WebSocket-Version: 8"])],
    ["no version", upgrade(without("Sec-WebSocket-Version"))],
    ["another host", upgrade(whole).replace(target, "evil.test")],
  ])("with %s is refused, and nothing goes upstream", async (_name, request) => {
    const tls = await tlsThrough(test, { target });
    const read = readUntil(tls);
    tls.write(request);
    expect((await read).text).toMatch(/^HTTP\/1.1 4(?:00|21)/u);
    expect(upstream.text).toBe("");
  });
});
