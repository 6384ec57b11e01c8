import type { TLSSocket } from "node:tls";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import {
  answer,
  answerOk,
  startRecordingUpstream,
  type RecordingUpstream,
} from "./testing/recording-upstream.fixture.ts";
import {
  apiRule,
  connectThrough,
  dial,
  isWholeAnswer,
  readUntil,
  realSecret,
  startTestProxy,
  testEngine,
  tlsThrough,
  type TestProxy,
} from "./testing/test-proxy.fixture.ts";

let upstream: RecordingUpstream;
let evil: RecordingUpstream;
let test: TestProxy;
let target: string;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  evil = await startRecordingUpstream({ name: "evil.test" });
  test = await startTestProxy({
    checkBody: (_kind, body) =>
      Buffer.from(body).toString() === "mutation"
        ? { status: 403, code: "no-mutation", message: "no mutation", fix: "none" }
        : undefined,
    engine: testEngine({
      request: (_identity, request) =>
        request.path === "/body"
          ? { kind: "forward", bodyCheck: { kind: "graphql-reads", limitBytes: 1000 } }
          : request.path.startsWith("/query")
            ? {
                kind: "forward",
                secret: "api",
                rule: { ...apiRule, inject: { kind: "query", name: "key" }, credentialParameters: ["access_token"] },
              }
            : request.path.startsWith("/basic")
              ? {
                  kind: "forward",
                  secret: "api",
                  rule: { ...apiRule, inject: { kind: "basic", username: "x-access-token" } },
                }
              : request.path.startsWith("/drop")
                ? { kind: "forward", dropsCredentials: true, rule: { ...apiRule, credentialHeaders: ["x-own"] } }
                : undefined,
    }),
  });
  target = `api.test:${upstream.port}`;
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await evil[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.clear();
  upstream.respond = answerOk;
  evil.clear();
});

async function ask(tls: TLSSocket, request: string): Promise<string> {
  const answered = readUntil(tls, isWholeAnswer);
  tls.write(request, "latin1");
  return (await answered).text;
}

/** Sends one request on a connection of its own; `TARGET` stands for the allowed host. */
async function askOnce(request: string): Promise<string> {
  const tls = await tlsThrough(test, { target });
  const text = await ask(tls, request.replaceAll("TARGET", target));
  tls.destroy();
  return text;
}

const get = (path: string, headers = ""): string => `GET ${path} HTTP/1.1\r\nHost: TARGET\r\n${headers}\r\n`;

describe("an intercepted request", () => {
  it("goes upstream once, with the secret in place of the placeholder, and comes back", async () => {
    test.records.length = 0;
    const text = await askOnce(get("/v1/models?limit=1", "Authorization: Bearer placeholder\r\nX-One: a\r\n"));
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/u);
    expect(text.endsWith("ok")).toBe(true);
    const lines = [`GET /v1/models?limit=1 HTTP/1.1`, `host: ${target}`, "connection: keep-alive", "X-One: a"];
    const added = ["accept-encoding: identity", `authorization: Bearer ${realSecret}`, "", ""];
    expect(upstream.text).toBe([...lines, ...added].join("\r\n"));
    expect(test.records.map(({ kind, decision, secret, status }) => ({ kind, decision, secret, status }))).toEqual([
      { kind: "connect", decision: "allowed", secret: undefined, status: undefined },
      { kind: "request", decision: "injected", secret: "api", status: undefined },
      { kind: "request", decision: "injected", secret: "api", status: 200 },
    ]);
    expect(test.records[1]?.correlationId).toBe(test.records[2]?.correlationId);
    expect(JSON.stringify(test.records)).not.toContain(realSecret);
  });

  it("P32 decides anew on every request of a connection", async () => {
    const tls = await tlsThrough(test, { target });
    expect(await ask(tls, get("/a").replace("TARGET", target))).toMatch(/^HTTP\/1.1 200/u);
    expect(await ask(tls, `GET /b HTTP/1.1\r\nHost: evil.test\r\n\r\n`)).toMatch(/^HTTP\/1.1 421/u);
    expect(upstream.text).not.toContain("/b");
  });

  it("serves a client that offers HTTP/1.0 alone, and tells one that offers HTTP/2 alone", async () => {
    const tls = await tlsThrough(test, { target, protocols: ["http/1.0"] });
    const read = readUntil(tls);
    tls.write(`GET /old HTTP/1.0\r\nHost: ${target}\r\n\r\n`);
    expect((await read).text).toMatch(/^HTTP\/1.1 200 OK[\s\S]*ok$/u);
    await expect(tlsThrough(test, { target, protocols: ["h2"] })).rejects.toThrow(/no application protocol/u);
  });

  it("sends a body of known length as it is", async () => {
    const body = "x".repeat(70_000);
    const tls = await tlsThrough(test, { target });
    tls.write(`POST /a HTTP/1.1\r\nHost: ${target}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await upstream.until(() => upstream.text.endsWith(body));
    expect(upstream.text).toContain(`content-length: ${body.length}\r\n\r\n${body}`);
    tls.destroy();
  });
});

describe("P20 another authority inside the tunnel", () => {
  it.each([
    ["another host", `GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n`, 421],
    ["another port", `GET / HTTP/1.1\r\nHost: api.test:1\r\n\r\n`, 421],
    ["two hosts", `GET / HTTP/1.1\r\nHost: TARGET\r\nHost: evil.test\r\n\r\n`, 421],
    ["two equal hosts", `GET / HTTP/1.1\r\nHost: TARGET\r\nhost: TARGET\r\n\r\n`, 421],
    ["a list of hosts", `GET / HTTP/1.1\r\nHost: TARGET, evil.test\r\n\r\n`, 421],
    ["user information", `GET / HTTP/1.1\r\nHost: TARGET@evil.test\r\n\r\n`, 421],
    ["no host", `GET / HTTP/1.1\r\nX-A: b\r\n\r\n`, 400],
    ["no host in 1.0", `GET / HTTP/1.0\r\n\r\n`, 400],
    ["P23 absolute form", `GET https://evil.test/ HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
    ["P23 absolute form of the same host", `GET https://TARGET/ HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
    ["P23 asterisk form", `OPTIONS * HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
    ["P23 authority form", `GET evil.test:443 HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
    ["P23 two slashes", `GET //evil.test/ HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
    ["P23 nested CONNECT", `CONNECT evil.test:443 HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
    ["P43 dot segments", `GET /a/../../user/%2e%2e/ HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
    ["P43 semicolon dots", `GET /a/..;/b HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
    ["P26 TRACE", `TRACE / HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
    ["P26 TRACK", `TRACK / HTTP/1.1\r\nHost: TARGET\r\n\r\n`, 400],
  ])("%s is refused", async (_name, request, status) => {
    expect(await askOnce(request)).toMatch(new RegExp(`^HTTP/1.1 ${status}`, "u"));
    expect(upstream.text).toBe("");
    expect(evil.connections).toHaveLength(0);
  });

  it("takes the host in other letters and with the default port left out or in", async () => {
    expect(await askOnce(`GET / HTTP/1.1\r\nHost: ${target.toUpperCase()}\r\n\r\n`)).toMatch(/^HTTP\/1.1 200/u);
  });
});

describe("P21 another name in TLS", () => {
  it.each([
    ["another", "evil.test"],
    ["none", ""],
    ["a sub-domain", "a.api.test"],
  ])("%s: 421, nothing goes upstream", async (_name, servername) => {
    const tls = await tlsThrough(test, { target, servername, isUnverified: true });
    expect(await ask(tls, get("/").replace("TARGET", target))).toMatch(/^HTTP\/1.1 421/u);
    expect(upstream.text).toBe("");
  });
});

describe("P40 a message that can be read in two ways", () => {
  const post = (lines: string, body = ""): string => `POST /a HTTP/1.1\r\nHost: TARGET\r\n${lines}\r\n\r\n${body}`;
  it.each([
    ["length and chunks", post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\nGET /x HTTP/1.1\r\n\r\n")],
    ["chunks and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n")],
    ["two lengths", post("Content-Length: 5\r\nContent-Length: 6", "hello!")],
    ["two equal lengths", post("Content-Length: 5\r\nContent-Length: 5", "hello")],
    ["a list of lengths", post("Content-Length: 5, 5", "hello")],
    ["a signed length", post("Content-Length: +5", "hello")],
    ["a negative length", post("Content-Length: -5", "hello")],
    ["a length in hex", post("Content-Length: 0x5", "hello")],
    ["an unknown coding", post("Transfer-Encoding: xchunked", "0\r\n\r\n")],
    ["two codings", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")],
    ["chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n")],
    ["chunked and identity", post("Transfer-Encoding: chunked, identity", "0\r\n\r\n")],
    ["space before the colon", post("Content-Length : 5", "hello")],
    ["a folded header", post("X-A: b\r\n c\r\nContent-Length: 0")],
    ["bare line feeds", "GET /a HTTP/1.1\nHost: TARGET\n\n"],
    ["a bare line feed in a header", `GET /a HTTP/1.1\r\nHost: TARGET\r\nX-A: b\nX-C: d\r\n\r\n`],
    ["a bare carriage return", `GET /a HTTP/1.1\r\nHost: TARGET\r\nX-A: b\rX-C: d\r\n\r\n`],
    ["NUL in a value", get("/a", "X-A: b\0c\r\n")],
    ["NUL in a name", get("/a", "X-\0A: b\r\n")],
    ["a header without a colon", get("/a", "X-A\r\n")],
    ["an empty name", get("/a", ": b\r\n")],
    ["no version", "GET /a\r\nHost: TARGET\r\n\r\n"],
    ["version 2.0", "GET /a HTTP/2.0\r\nHost: TARGET\r\n\r\n"],
    ["version 1.2", "GET /a HTTP/1.2\r\nHost: TARGET\r\n\r\n"],
    ["a space in the target", "GET /a b HTTP/1.1\r\nHost: TARGET\r\n\r\n"],
    ["chunks in 1.0", "POST /a HTTP/1.0\r\nHost: TARGET\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a space in the method", "GE T /a HTTP/1.1\r\nHost: TARGET\r\n\r\n"],
  ])("%s: 400, the connection closed, nothing upstream", async (_name, request) => {
    const tls = await tlsThrough(test, { target });
    const read = readUntil(tls);
    tls.write(request.replaceAll("TARGET", target), "latin1");
    const { text } = await read;
    expect(text).toMatch(/^HTTP\/1.1 400/u);
    expect(text.match(/HTTP\/1\.1 \d/gu)).toHaveLength(1);
    expect(upstream.text).toBe("");
  });

  it.each([
    ["a size in 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
    ["a size too large", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"],
    ["line feeds only", "5\nhello\n0\n\n"],
    ["a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"],
    ["a chunk longer than said", "2\r\nhello\r\n0\r\n\r\n"],
    ["a carriage return alone behind a chunk", "5\r\nhello\rX0\r\n\r\n"],
  ])("chunks with %s never look complete upstream", async (_name, body) => {
    const tls = await tlsThrough(test, { target });
    const read = readUntil(tls);
    tls.write(post("Transfer-Encoding: chunked", body).replaceAll("TARGET", target), "latin1");
    await read;
    await upstream.until(() => upstream.connections.every(({ text, isClosed }) => isClosed || text === ""));
    expect(upstream.text).not.toContain("\r\n0\r\n\r\n");
  });
});

describe("P28 what the client adds to the credential", () => {
  it.each([
    ["a second authorization", "Authorization: Bearer a\r\nauthorization: Basic b\r\n", /bearer a|basic b/iu],
    ["another vendor's header", "X-Api-Key: attacker\r\n", /attacker/u],
    ["with underscores", "X_Api_Key: attacker\r\nX_GOOG_API_KEY: attacker\r\n", /attacker/u],
    ["a cookie", "Cookie: session=attacker\r\n", /attacker/u],
  ])("%s is gone", async (_name, headers, trace) => {
    await askOnce(get("/a", headers));
    expect(upstream.text).not.toMatch(trace);
    expect(upstream.text.match(/authorization: /giu)).toHaveLength(1);
  });

  it("replaces the key in a query, however it is spelled", async () => {
    await askOnce(get("/query?a=1&key=attacker&KEY=attacker&%6bey=attacker&access_token=attacker&b=%20"));
    expect(upstream.text).toContain(`GET /query?a=1&b=%20&key=${realSecret} HTTP/1.1`);
  });

  it("sends Basic for rules that say so", async () => {
    await askOnce(get("/basic", "Authorization: Basic eDp5\r\n"));
    const value = Buffer.from(`x-access-token:${realSecret}`).toString("base64");
    expect(upstream.text).toContain(`authorization: Basic ${value}\r\n`);
    expect(upstream.text).not.toContain("eDp5");
  });

  it("removes the client's own without adding one where the verdict says so", async () => {
    await askOnce(get("/drop", "Authorization: Bearer a\r\nX-Own: b\r\n"));
    expect(upstream.text).not.toMatch(/Bearer|X-Own/iu);
  });
});

describe("headers of the connection", () => {
  it("are not passed on, nor is what Connection names, nor the proxy's own", async () => {
    await askOnce(
      get(
        "/drop/it",
        [
          "Connection: keep-alive, X-Foo, x-bar",
          "X-Foo: 1",
          "X-Bar: 2",
          `Proxy-Authorization: ${test.authorization}`,
          "Proxy-Connection: keep-alive",
          "Keep-Alive: timeout=5",
          "TE: trailers, gzip",
          "Trailer: X-End",
          "X-Kept: 3",
          "",
        ].join("\r\n"),
      ),
    );
    expect(upstream.text).not.toMatch(/x-foo|x-bar|proxy-|keep-alive: timeout|trailer: x-end|gzip/iu);
    expect(upstream.text).toContain("X-Kept: 3\r\nte: trailers\r\n");
    expect(upstream.text).not.toContain(test.token);
  });

  it("of the answer are not passed on either, and no way around the proxy is", async () => {
    upstream.respond = (connection) => {
      connection.socket.write(
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAlt-Svc: h3=":443"\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nX-Kept: 2\r\nProxy-Authenticate: Basic\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nok',
      );
    };
    const text = await askOnce(get("/a"));
    expect(text).not.toMatch(/alt-svc|x-hop|proxy-authenticate/iu);
    expect(text).toContain("X-Kept: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
  });

  it("P25 passes a redirect on and does not follow it", async () => {
    upstream.respond = (connection) => {
      connection.socket.write(
        `HTTP/1.1 302 Found\r\nLocation: https://evil.test:${evil.port}/\r\nContent-Length: 0\r\n\r\n`,
      );
    };
    const text = await askOnce(get("/a"));
    expect(text).toContain(`Location: https://evil.test:${evil.port}/`);
    expect(evil.connections).toHaveLength(0);
    expect(upstream.text.match(/GET/gu)).toHaveLength(1);
  });
});

describe("P44 sizes", () => {
  it.each([
    ["64 KiB of headers", get("/a", `X-A: ${"a".repeat(66_000)}\r\n`)],
    ["101 headers", get("/a", Array.from({ length: 100 }, (_, index) => `X-${index}: a\r\n`).join(""))],
    ["a target of 9 KiB", get(`/${"a".repeat(9000)}`)],
  ])("%s: 431", async (_name, request) => {
    expect(await askOnce(request)).toMatch(/^HTTP\/1.1 431/u);
    expect(upstream.text).toBe("");
  });
});

describe("a body that is decided on", () => {
  const post = (body: string, headers = ""): string =>
    `POST /body HTTP/1.1\r\nHost: TARGET\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;

  it("is sent whole when nothing speaks against it", async () => {
    upstream.respond = ({ socket, text }) => text.endsWith("query") && socket.write(answer("done"));
    expect(await askOnce(post("query"))).toContain("done");
    expect(upstream.text).toContain("content-length: 5\r\n\r\nquery");
  });

  it.each([
    ["that the check refuses", post("mutation"), "no-mutation"],
    ["larger than can be read", post("x".repeat(2000)), "body-too-large"],
    ["that is compressed", post("x", "Content-Encoding: gzip\r\n"), "body-unreadable"],
  ])("%s is answered readably, and nothing goes upstream", async (_name, request, code) => {
    expect(await askOnce(request)).toContain(`clauderon-refusal: ${code}`);
    expect(upstream.text).toBe("");
  });
});

describe("a refusal", () => {
  it("says what, the fix and the command that explains, and leaks nothing", async () => {
    const { answer } = await connectThrough(test, { target: "evil.test:443" });
    expect(answer).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/u);
    expect(answer).toContain("clauderon-refusal: host-not-allowed\r\n");
    expect(answer).toContain(
      "clauderon: not allowed\nfix: --allow it\nexplain: clauderon proxy explain 'https://evil.test/'\n",
    );
    expect(answer).not.toContain(test.token);
  });

  it("E a client that speaks TLS to the port reads why", async () => {
    const socket = await dial(test.port);
    const read = readUntil(socket);
    socket.write(Buffer.from("16030100050100000100", "hex"));
    expect((await read).text).toContain("the proxy's URL with http://");
  });
});
