import { once } from "node:events";
import { Duplex, duplexPair } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { upgradeRequest, webSocketLines } from "../attacks/tables/upgrades.fixture.ts";
import {
  answer,
  answerOk,
  startRecordingUpstream,
  type RecordingUpstream,
} from "./testing/recording-upstream.fixture.ts";
import { connectThrough, dial, readUntil, startTestProxy, type TestProxy } from "./testing/test-proxy.fixture.ts";
import { uncaughtIn } from "./testing/uncaught.fixture.ts";

let upstream: RecordingUpstream;
let test: TestProxy;
let target: string;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  test = await startTestProxy();
  target = `api.test:${upstream.port}`;
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.clear();
  upstream.respond = answerOk;
});

/** Hands on what is written in one piece, once it is told to. */
interface Gathering {
  readonly through: Duplex;
  hold(): void;
  letGo(): void;
}

function gather(inner: Duplex): Gathering {
  let held: Buffer[] | undefined;
  const through = new Duplex({
    read: () => void inner.resume(),
    write(chunk: Buffer, _encoding, done) {
      if (held === undefined) inner.write(chunk, done);
      else {
        held.push(chunk);
        done();
      }
    },
    destroy(error, done) {
      inner.destroy();
      done(error);
    },
  });
  inner.on("data", (chunk: Buffer) => through.push(chunk));
  inner.on("error", () => undefined);
  inner.once("end", () => through.push(null));
  return {
    through,
    hold: () => {
      held = [];
    },
    letGo: () => {
      const all = Buffer.concat(held ?? []);
      held = undefined;
      inner.write(all);
    },
  };
}

/** How a client comes in: over TCP, or as a stream that a carrier brought. */
const ways: Readonly<Record<string, () => Promise<Duplex>>> = {
  "over TCP": async () => (await connectThrough(test, { target })).socket,
  "over a carrier": async () => {
    const [client, server] = duplexPair();
    await test.proxy.accept(server, "s1");
    client.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`);
    const [established] = (await once(client, "data")) as [Buffer];
    expect(established.toString("latin1")).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\n$/u);
    return client;
  },
};

async function open(way: string): Promise<{ readonly tls: TLSSocket; readonly gathering: Gathering }> {
  const gathering = gather((await ways[way]?.()) ?? expect.unreachable());
  const tls = connectTls({
    socket: gathering.through,
    servername: "api.test",
    ca: test.ca,
    ALPNProtocols: ["http/1.1"],
  });
  tls.on("error", () => undefined);
  await once(tls, "secureConnect");
  return { tls, gathering };
}

const numbers = Array.from({ length: 40 }, (_, index) => `x-number-${index}: ${index}\r\n`);
const plain = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: ${target}\r\n\r\n`;
const notPlain = (): readonly string[] => [`OPTIONS /other HTTP/1.1\r\nhost: ${target}\r\n`, ...numbers, "\r\n"];

describe.each(Object.keys(ways))("a connection %s that is given to Node's server", (way) => {
  it.each([
    ["with the first piece of its first request", 1, (): readonly string[] => notPlain()],
    ["behind a plain request", 2, (): readonly string[] => [plain("/first"), ...notPlain()]],
    [
      "in the middle of the pieces",
      1,
      (): readonly string[] => [...notPlain().slice(0, 5), notPlain().slice(5).join("")],
    ],
  ] as const)("%s keeps what comes meanwhile in its order", async (_name, count, pieces) => {
    const { tls, gathering } = await open(way);
    const statuses = (text: string): readonly string[] => text.match(/HTTP\/1\.1 \d{3}/gu) ?? [];
    const read = readUntil(tls, (text) => statuses(text).length === count && text.endsWith("ok"));
    // Each piece is a record of TLS of its own; the proxy gets them all in one chunk.
    gathering.hold();
    for (const piece of pieces()) await new Promise((fulfil) => tls.write(piece, fulfil));
    gathering.letGo();
    expect(statuses((await read).text)).toEqual(Array.from({ length: count }, () => "HTTP/1.1 200"));
    tls.destroy();
    expect(upstream.text.match(/x-number-\d+: \d+\r\n/gu)).toEqual(numbers);
  });
});

it("a client that breaks off while its upgrade is asked for ends nothing but itself", async () => {
  await using slow = await startRecordingUpstream({ isPlain: true, respond: () => undefined });
  const host = `api.test:${slow.port}`;
  const errors = await uncaughtIn(async () => {
    const socket = await dial(test.port);
    socket.write(
      upgradeRequest([...webSocketLines, `Proxy-Authorization: ${test.authorization}`])
        .replaceAll("TARGET", host)
        .replace("GET /ws", `GET http://${host}/ws`),
    );
    await slow.until(() => slow.text.includes("GET /ws"));
    socket.resetAndDestroy();
    await once(socket, "close");
    // More than the system takes for a connection that is gone.
    for (const { socket: connection } of slow.connections) connection.write(answer("x".repeat(4 * 1024 * 1024)));
    await expect.poll(async () => (await test.proxy.status()).requests, { timeout: 20_000 }).toBe(0);
    const after = await connectThrough(test, { target });
    expect(after.answer).toMatch(/^HTTP\/1\.1 200/u);
    after.socket.destroy();
  });
  expect(errors).toEqual([]);
});
