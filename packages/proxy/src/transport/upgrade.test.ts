import { once } from "node:events";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";

import { systemClock } from "@clauderon/core/host";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

import { foreignUpgrades, upgradeRequest, webSocketLines } from "../attacks/tables/upgrades.fixture.ts";
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

const upgrade = (lines: readonly string[]): string => upgradeRequest(lines).replaceAll("TARGET", target);

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
    tls.write(`${upgrade(webSocketLines)}GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n`);
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
    tls.write(upgrade(webSocketLines));
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
    tls.write(upgrade(webSocketLines));
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
  it.each(foreignUpgrades)("with %s is refused, and nothing goes upstream", async (_name, request) => {
    const tls = await tlsThrough(test, { target });
    const read = readUntil(tls);
    tls.write(request.replaceAll("TARGET", target));
    expect((await read).text).toMatch(/^HTTP\/1.1 4(?:00|21)/u);
    expect(upstream.text).toBe("");
  });
});
