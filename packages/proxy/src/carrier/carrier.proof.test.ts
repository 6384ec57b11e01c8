import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";

import { afterEach, beforeEach, expect, test } from "vitest";

import { startRecordingUpstream, type RecordingUpstream } from "../transport/testing/recording-upstream.fixture.ts";
import { readUntil, realSecret, startTestProxy, type TestProxy } from "../transport/testing/test-proxy.fixture.ts";
import { createCarrierClient, type CarrierClient } from "./create-carrier-client.ts";
import { createCarrierHub, type CarrierHub } from "./create-carrier-hub.ts";

const eventCount = 2000;
const event = (index: number): string => `data: event ${index} ${"x".repeat(index % 300)}\n\n`;
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

let upstream: RecordingUpstream;
let proxy: TestProxy;
let place: Awaited<ReturnType<typeof startPlace>>;

/** The hub behind a TCP port, as a backend's exec would lead to it, and the sandbox's end. */
async function startPlace(times: { readonly resumeMs?: number } = {}): Promise<
  AsyncDisposable & {
    readonly hub: CarrierHub;
    readonly client: CarrierClient;
    readonly losses: () => number;
    join: () => Promise<Socket>;
    port: number;
  }
> {
  const hub = createCarrierHub({ accept: async (stream, id) => proxy.proxy.accept(stream, id), times });
  const server = createServer((socket) => {
    hub.acceptCarrier(socket, "s1").catch(() => undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  let losses = 0;
  const client = createCarrierClient({
    onLost: () => {
      losses += 1;
    },
  });
  const { port } = server.address() as AddressInfo;
  return {
    hub,
    client,
    port,
    losses: () => losses,
    async join() {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      await client.attach(socket);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await client.close();
      await hub.close();
    },
  };
}

beforeEach(async () => {
  upstream = await startRecordingUpstream();
  proxy = await startTestProxy();
});
afterEach(async () => {
  await place[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

async function openTunnel(stream: Duplex): Promise<TLSSocket> {
  const target = `api.test:${upstream.port}`;
  stream.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`);
  let answer = "";
  while (!answer.includes("\r\n\r\n")) {
    const part = stream.read() as Buffer | null;
    if (part === null) await once(stream, "readable");
    else answer += part.toString("latin1");
  }
  expect(answer).toContain("200 Connection Established");
  const tls = connectTls({ socket: stream, servername: "api.test", ca: proxy.ca, ALPNProtocols: ["http/1.1"] });
  await once(tls, "secureConnect");
  return tls;
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: api.test:${upstream.port}\r\n\r\n`;

test("no event of a model's answer is lost when its carrier is cut again and again", async () => {
  place = await startPlace();
  let carrier = await place.join();
  upstream.respond = ({ socket, text }) => {
    if (!text.endsWith("\r\n\r\n")) return;
    socket.write(head);
    let index = 0;
    // Paced by the loop, so that the carriers are cut in the middle.
    const next = (): void => {
      if (index === eventCount) {
        socket.write("0\r\n\r\n");
        return;
      }
      socket.write(chunk(event(index)));
      index += 1;
      setImmediate(next);
    };
    next();
  };
  const tls = await openTunnel(place.client.openStream());
  let body = "";
  let cuts = 0;
  let nextCut = 5000;
  const whole = new Promise<void>((fulfil, fail) => {
    tls.on("error", fail);
    tls.once("end", () => fail(new Error("the answer ended early")));
    tls.on("data", (bytes: Buffer) => {
      body += bytes.toString("latin1");
      if (body.endsWith("0\r\n\r\n")) fulfil();
      if (body.length < nextCut || carrier.destroyed) return;
      nextCut += 25_000;
      cuts += 1;
      carrier.resetAndDestroy();
      place.join().then((joined) => {
        carrier = joined;
      }, fail);
    });
  });
  tls.write(get("/stream"));
  await whole;
  const text = body.slice(body.indexOf("\r\n\r\n") + 4);
  expect(text.match(/data: event \d+/gu)).toEqual(
    Array.from({ length: eventCount }, (_, index) => `data: event ${index}`),
  );
  expect(cuts).toBeGreaterThan(5);
  expect(upstream.connections.length).toBe(1);
  expect(upstream.text).toContain(realSecret);
  tls.destroy();
  await expect.poll(async () => (await proxy.proxy.status()).requests).toBe(0);
});

test("a carrier that does not come back breaks the answer off, at the client and at the upstream", async () => {
  place = await startPlace({ resumeMs: 100 });
  const carrier = await place.join();
  upstream.respond = ({ socket, text }) => {
    if (text.endsWith("\r\n\r\n")) socket.write(head + chunk(event(1)));
  };
  const stream = place.client.openStream();
  let streamError: Error | undefined;
  stream.on("error", (error) => {
    streamError = error;
  });
  const tls = await openTunnel(stream);
  const first = readUntil(tls, (text) => text.includes("event 1"));
  tls.write(get("/stream"));
  await first;
  const rest = readUntil(tls);
  carrier.resetAndDestroy();
  expect((await rest).isEnded).toBe(false);
  await expect.poll(() => streamError?.message).toBe("The channel of the sandbox has ended");
  await upstream.until(() => upstream.connections.every(({ isClosed }) => isClosed));
});

test("many streams of requests pass over carriers that are cut at random times, none twice and none lost", async () => {
  place = await startPlace();
  let carrier = await place.join();
  upstream.respond = ({ socket, text }) => {
    const path = /^GET (?<path>\S+)[\s\S]*\r\n\r\n$/u.exec(text.slice(text.lastIndexOf("GET ")))?.groups?.["path"];
    const body = `${path}:${"y".repeat(50_000)}`;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  };
  let answered = 0;
  const worker = async (name: number): Promise<void> => {
    const tls = (await openTunnel(place.client.openStream())).setMaxListeners(0);
    for (let round = 0; round < 20; round += 1) {
      const path = `/${name}/${round}`;
      const answer = readUntil(tls, (text) => text.length > 50_000 && /y{50000}$/u.test(text));
      tls.write(get(path));
      const { text, error, isEnded } = await answer;
      expect([text.includes(`${path}:`), error, isEnded]).toEqual([true, undefined, false]);
      answered += 1;
      if (answered % 10 !== 0) continue;
      carrier.resetAndDestroy();
      carrier = await place.join();
    }
    tls.destroy();
  };
  await Promise.all(Array.from({ length: 6 }, async (_, name) => worker(name)));
  const paths = upstream.text.match(/GET \S+/gu) ?? [];
  expect(paths.length).toBe(120);
  expect(new Set(paths).size).toBe(120);
});
