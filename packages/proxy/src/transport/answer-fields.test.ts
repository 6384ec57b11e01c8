import { afterAll, beforeAll, expect, it } from "vitest";

import { startRecordingUpstream, type RecordingUpstream } from "./testing/recording-upstream.fixture.ts";
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

/** Everything that the client gets when the upstream sends this, until its end. */
async function receive(text: string, body = ""): Promise<string> {
  upstream.respond = ({ socket, text: asked }) => {
    if (asked.endsWith(`\r\n\r\n${body}`)) socket.write(text, "latin1");
  };
  const tls = await tlsThrough(test, { target });
  const read = readUntil(tls);
  const how = body === "" ? "GET" : "POST";
  const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
  tls.write(`${how} / HTTP/1.1\r\nHost: ${target}\r\nTE: trailers\r\nConnection: close, te\r\n${length}\r\n${body}`);
  const { text: got } = await read;
  return got;
}

// With a body that streams, the request goes another way.
it.each([
  ["", ""],
  ["with a body", "body"],
])("204 never names a length %s", async (_name, body) => {
  const got = await receive("HTTP/1.1 204 No Content\r\ncontent-length: 6\r\nx-a: b\r\n\r\nhidden", body);
  expect(got).toMatch(/^HTTP\/1.1 204 [^]*x-a: b\r\n/u);
  expect(got).not.toMatch(/content-length|hidden/iu);
});

it("an interim answer never names a length", async () => {
  const got = await receive(
    "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\ncontent-length: 6\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
  );
  expect(got).toMatch(/^HTTP\/1.1 103 Early Hints\r\nlink: <\/a>; rel=preload\r\n\r\nHTTP\/1.1 200 OK\r\n/iu);
});

it.each(["", "body"])(
  "a hint that can be read in many ways costs no time, and one that is malformed is left out (%j)",
  async (body) => {
    const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    const got = await receive(`HTTP/1.1 103 Early Hints\r\nlink: <x>${";a=b".repeat(60)};"\r\n\r\n${ok}`, body);
    expect(got).toMatch(/^HTTP\/1.1 200 OK\r\n/u);
    const many = await receive(`HTTP/1.1 103 Early Hints\r\nlink: <x>${";a=b".repeat(60)}\r\n\r\n${ok}`, body);
    expect(many).toMatch(/^HTTP\/1.1 103 /u);
  },
);

it.each(["", "body"])("trailers that a client could act on are left out, others stay (%j)", async (body) => {
  // The other way takes these three for a fault of the whole answer.
  const framing = body === "" ? ["Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close"] : [];
  const bad = [
    ...framing,
    "Set-Cookie: a=b",
    'Alt-Svc: h3=":443"',
    "Location: https://evil.test/",
    "WWW-Authenticate: Basic",
    "Proxy-Authenticate: Basic",
    "Content-Encoding: gzip",
  ];
  const good = ["X-Sum: 1", 'ETag: "e"', "Digest: sha-256=x", "Content-MD5: x", "Grpc-Status: 0"];
  const fields = [...bad, ...good].map((field) => `${field}\r\n`).join("");
  const got = await receive(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${fields}\r\n`, body);
  const trailers = got
    .slice(got.lastIndexOf("\r\n0\r\n") + 5)
    .trim()
    .toLowerCase()
    .split("\r\n");
  expect(trailers.toSorted()).toEqual(good.map((field) => field.toLowerCase()).toSorted());
});
