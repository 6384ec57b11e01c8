import type { TLSSocket } from "node:tls";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import {
  answer,
  answerOk,
  startRecordingUpstream,
  type RecordingUpstream,
} from "./testing/recording-upstream.fixture.ts";
import { readUntil, startTestProxy, tlsThrough, type TestProxy } from "./testing/test-proxy.fixture.ts";

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

const request = (line: string, headers: readonly string[] = [], body = ""): string =>
  `${line} HTTP/1.1\r\nhost: ${target}\r\n${headers.map((header) => `${header}\r\n`).join("")}\r\n${body}`;
const statuses = (text: string): readonly string[] => text.match(/HTTP\/1\.1 \d{3}/gu) ?? [];

/** All answers to what is sent on one connection. */
async function ask(count: number, ...pieces: readonly string[]): Promise<{ text: string; tls: TLSSocket }> {
  const tls = await tlsThrough(test, { target });
  const read = readUntil(tls, (text) => statuses(text).length === count && /ok$|x-sum: 1\r\n\r\n$/u.test(text));
  for (const piece of pieces) tls.write(piece, "latin1");
  const { text } = await read;
  return { text, tls };
}

/** Answers once the body is whole. */
const answerWhole = (connection: {
  readonly text: string;
  readonly socket: TLSSocket | { write(text: string): unknown };
}): void => {
  const [head = "", body = ""] = connection.text.split("\r\n\r\n", 2);
  const size = Number(/content-length: (?<size>\d+)/iu.exec(head)?.groups?.["size"] ?? 0);
  if (body.length === size) connection.socket.write(answer("ok"));
};

describe("a client's connection", () => {
  it("carries requests that come in one piece, one after the other", async () => {
    const { text, tls } = await ask(3, request("GET /1") + request("GET /2") + request("GET /3"));
    tls.destroy();
    expect(statuses(text)).toHaveLength(3);
    expect(upstream.text.match(/GET \/\d/gu)).toEqual(["GET /1", "GET /2", "GET /3"]);
  });

  it("is given to Node's server at the first request that is not plain, and loses nothing", async () => {
    const { text, tls } = await ask(
      3,
      request("GET /1") + request("HEAD /2").replace("HEAD", "OPTIONS") + request("GET /3", ["te: trailers"]),
    );
    tls.destroy();
    expect(statuses(text)).toHaveLength(3);
    expect(upstream.text.match(/(?:GET|OPTIONS) \/\d/gu)).toEqual(["GET /1", "OPTIONS /2", "GET /3"]);
  });

  it("sends a small body with its head, however it comes", async () => {
    upstream.respond = answerWhole;
    const { text, tls } = await ask(1, request("POST /", ["content-length: 6"]), "abc", "def");
    tls.destroy();
    expect(statuses(text)).toEqual(["HTTP/1.1 200"]);
    expect(upstream.text).toMatch(/\r\ncontent-length: 6\r\n\r\nabcdef$/u);
  });

  it("does not wait for a body that comes late", async () => {
    upstream.respond = answerWhole;
    const tls = await tlsThrough(test, { target });
    tls.write(request("POST /late", ["content-length: 6"], "abc"));
    await upstream.until(() => upstream.text.endsWith("\r\n\r\nabc"));
    const read = readUntil(tls, (text) => text.endsWith("ok"));
    tls.write("def");
    expect((await read).text).toMatch(/^HTTP\/1\.1 200 /u);
    tls.destroy();
    expect(upstream.text).toMatch(/abcdef$/u);
  });

  it("ends after a request that was refused, its body unread", async () => {
    const tls = await tlsThrough(test, { target });
    const read = readUntil(tls);
    tls.write(request("PUT /refused/../x", ["content-length: 200000"], "x".repeat(200_000)));
    expect((await read).text).toMatch(/^HTTP\/1\.1 400 /u);
    tls.destroy();
    expect(upstream.text).toBe("");
  });

  it("sends a body without a length in chunks, and one with a length as it is", async () => {
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("\r\n\r\n"))
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n");
    };
    const { text, tls } = await ask(1, request("GET /chunks"));
    tls.destroy();
    expect(text).toMatch(/transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n$/u);
    expect(text).toMatch(/\r\nconnection: keep-alive\r\n/u);
  });

  it("tells the upstream when its client leaves in the middle of a body", async () => {
    upstream.respond = () => undefined;
    const tls = await tlsThrough(test, { target });
    tls.write(request("POST /left", ["content-length: 100000"], "abc"));
    await upstream.until(() => upstream.text.includes("abc"));
    tls.destroy();
    await upstream.until(() => upstream.connections.every(({ isClosed, text }) => isClosed || text === ""));
    expect(test.records.at(-1)).toMatchObject({ path: "/left" });
  });

  it("keeps a client waiting that asks and does not read", async () => {
    const tls = await tlsThrough(test, { target });
    upstream.respond = ({ socket, text }) => {
      if (text.endsWith("\r\n\r\n")) socket.write(answer("y".repeat(256 * 1024)));
    };
    tls.pause();
    const asked = 200;
    tls.write(Array.from({ length: asked }, (_, index) => request(`GET /${index}`)).join(""));
    await upstream.until(() => upstream.text.includes("GET /5 "));
    // What is written ahead, and what the system holds, is far less than was asked for.
    await new Promise((resolve) => {
      let turns = 2000;
      const goOn = (): void => {
        turns -= 1;
        if (turns === 0) resolve(undefined);
        else setImmediate(goOn);
      };
      goOn();
    });
    expect(upstream.text.match(/GET /gu)?.length).toBeLessThan(asked);
    tls.destroy();
  });
});
