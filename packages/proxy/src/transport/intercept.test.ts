import type { TLSSocket } from "node:tls";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import {
  foreignAuthorities,
  ambiguousMessages,
  ambiguousChunks,
  secondCredentials,
  oversizedHeads,
} from "../attacks/tables/messages.fixture.ts";
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
    await expect.poll(() => test.records.length).toBe(3);
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
  it.each(foreignAuthorities)("%s is refused", async (_name, request, status) => {
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
  it.each(ambiguousMessages)("%s: 400, the connection closed, nothing upstream", async (_name, request) => {
    const tls = await tlsThrough(test, { target });
    const read = readUntil(tls);
    tls.write(request.replaceAll("TARGET", target), "latin1");
    const { text } = await read;
    expect(text).toMatch(/^HTTP\/1.1 400/u);
    expect(text.match(/HTTP\/1\.1 \d/gu)).toHaveLength(1);
    expect(upstream.text).toBe("");
  });

  it.each(ambiguousChunks)("chunks with %s never look complete upstream", async (_name, body) => {
    // Of its own: what was sent before the fault was seen may come when the client has its answer already.
    await using own = await startRecordingUpstream();
    const host = `api.test:${own.port}`;
    const tls = await tlsThrough(test, { target: host });
    const read = readUntil(tls);
    tls.write(post("Transfer-Encoding: chunked", body).replaceAll("TARGET", host), "latin1");
    await read;
    await expect.poll(async () => (await test.proxy.status()).requests).toBe(0);
    await own.until(() => own.connections.every(({ text, isClosed }) => isClosed || text === ""));
    expect(own.text).not.toContain("\r\n0\r\n\r\n");
  });
});

describe("P28 what the client adds to the credential", () => {
  it.each(secondCredentials)("%s is gone", async (_name, headers, trace) => {
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
  it.each(oversizedHeads)("%s: 431", async (_name, request) => {
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
