import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { ask, http2Through, readReply } from "./testing/http2-client.fixture.ts";
import { answerHello, startHttp2Upstream, type Http2Upstream } from "./testing/http2-upstream.fixture.ts";
import { startRecordingUpstream } from "./testing/recording-upstream.fixture.ts";
import {
  identity,
  isWholeAnswer,
  readUntil,
  realSecret,
  startTestProxy,
  tlsThrough,
  type TestProxy,
} from "./testing/test-proxy.fixture.ts";

const run = promisify(execFile);

let upstream: Http2Upstream;
let test: TestProxy;
let target: string;

beforeAll(async () => {
  upstream = await startHttp2Upstream();
  test = await startTestProxy();
  target = `api.test:${upstream.port}`;
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.calls.length = 0;
  upstream.respond = answerHello;
});

const get = (path = "/"): Record<string, string> => ({ ":path": path, ":authority": target });

describe("what is offered", () => {
  it("HTTP/2 where the upstream speaks it, with the credential put in and taken out", async () => {
    upstream.respond = ({ stream, headers }) => {
      stream.respond({ ":status": 200, "x-echo": String(headers.authorization) });
      stream.end(`you sent ${headers.authorization}`);
    };
    const session = await http2Through(test, { target });
    const reply = await ask(session, { ...get(), authorization: "Bearer placeholder", "proxy-secret": "1" });
    session.close();
    expect(upstream.calls[0]?.headers).toMatchObject({
      ":authority": target,
      ":scheme": "https",
      authorization: `Bearer ${realSecret}`,
    });
    expect(upstream.calls[0]?.headers).not.toHaveProperty("proxy-secret");
    expect(reply.status).toBe(200);
    expect(JSON.stringify(reply)).not.toContain(realSecret);
    expect(reply.body).toHaveLength(`you sent Bearer ${realSecret}`.length);
  });

  it("HTTP/1.1 where the upstream speaks no other, over the one connection that was asked", async () => {
    await using old = await startRecordingUpstream();
    const place = `api.test:${old.port}`;
    for (let round = 0; round < 3; round += 1) {
      const tls = await tlsThrough(test, { target: place, protocols: ["h2", "http/1.1"] });
      expect(tls.alpnProtocol).toBe("http/1.1");
      const answered = readUntil(tls, isWholeAnswer);
      tls.write(`GET / HTTP/1.1\r\nHost: ${place}\r\n\r\n`);
      await answered;
      // A client that leaves before its request is over takes the connection with it.
      await expect.poll(async () => (await test.proxy.status()).requests).toBe(0);
      tls.destroy();
    }
    expect(old.connections).toHaveLength(1);
  });

  it("nothing is asked for a client that does not offer HTTP/2", async () => {
    await using old = await startRecordingUpstream();
    const tls = await tlsThrough(test, { target: `api.test:${old.port}` });
    expect(tls.alpnProtocol).toBe("http/1.1");
    expect(old.connections).toHaveLength(0);
    tls.destroy();
  });

  it("one question for clients that come at once, and one connection for all their requests", async () => {
    await using fresh = await startHttp2Upstream();
    const place = `api.test:${fresh.port}`;
    const sessions = await Promise.all(Array.from({ length: 4 }, async () => http2Through(test, { target: place })));
    const replies = await Promise.all(
      sessions.flatMap((session) =>
        [1, 2, 3].map(async (index) => ask(session, { ":path": `/${index}`, ":authority": place })),
      ),
    );
    for (const session of sessions) session.close();
    expect(replies.map(({ body }) => body)).toEqual(Array.from({ length: 12 }, () => "hello"));
    expect(fresh.connectionCount).toBe(1);
  });

  it("an upstream that cannot be reached is offered as HTTP/1.1, which then says why", async () => {
    const place = "api.test:1";
    const tls = await tlsThrough(test, { target: place, protocols: ["h2", "http/1.1"] });
    expect(tls.alpnProtocol).toBe("http/1.1");
    tls.write(`GET / HTTP/1.1\r\nHost: ${place}\r\n\r\n`);
    const [first] = (await once(tls, "data")) as [Buffer];
    expect(first.toString()).toMatch(/^HTTP\/1.1 502/u);
    tls.destroy();
  });

  it("the addresses of the origin are checked before it is asked", async () => {
    await using fresh = await startHttp2Upstream();
    const refusal = { status: 403, code: "address-denied", message: "no", fix: "no" };
    await using strict = await startTestProxy({ upstream: { checkAddresses: () => refusal } });
    const tls = await tlsThrough(strict, { target: `api.test:${fresh.port}`, protocols: ["h2", "http/1.1"] });
    expect(tls.alpnProtocol).toBe("http/1.1");
    expect(fresh.connectionCount).toBe(0);
    tls.destroy();
  });

  it("curl --http2 completes", async () => {
    const bundle = join(test.directory, "curl-ca.pem");
    await writeFile(bundle, test.ca);
    const { stdout } = await run("curl", [
      "--silent",
      "--http2",
      "--cacert",
      bundle,
      "--proxy",
      `http://s1:${test.token}@127.0.0.1:${test.port}`,
      "--write-out",
      " %{http_version} %{http_code}",
      `https://${target}/`,
    ]);
    expect(stdout).toBe("hello 2 200");
  });
});

describe("what a stream carries", () => {
  it("a body up, and the answer's repeated headers down", async () => {
    upstream.respond = ({ stream }) => {
      let body = "";
      stream.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      stream.on("end", () => {
        stream.respond({ ":status": 201, "set-cookie": ["a=1", "b=2"], "alt-svc": 'h3=":443"' });
        stream.end(body.toUpperCase());
      });
    };
    const session = await http2Through(test, { target });
    const reply = await ask(session, { ...get(), ":method": "POST" }, "body");
    session.close();
    expect(reply).toMatchObject({ status: 201, body: "BODY", headers: { "set-cookie": ["a=1", "b=2"] } });
    expect(reply.headers).not.toHaveProperty("alt-svc");
  });

  it("early hints, and 100 Continue before the body", async () => {
    upstream.respond = ({ stream }) => {
      stream.additionalHeaders({ ":status": 103, link: "</a.css>; rel=preload" });
      answerHello({ stream, headers: {} });
    };
    const session = await http2Through(test, { target });
    const stream = session.request({ ...get(), ":method": "POST", expect: "100-continue" });
    const hints: unknown[] = [];
    stream.on("headers", (headers) => hints.push(headers[":status"], headers["link"]));
    await once(stream, "continue");
    const reply = readReply(stream);
    stream.end("body");
    expect((await reply).body).toBe("hello");
    expect(hints).toContain("</a.css>; rel=preload");
    expect(upstream.calls[0]?.headers).not.toHaveProperty("expect");
    session.close();
  });

  it("`te: trailers` goes on; crumbs of a cookie arrive as one", async () => {
    const authority = `x.rule.test:${upstream.port}`;
    const session = await http2Through(test, { target: authority });
    await ask(session, { ":path": "/", ":authority": authority, te: "trailers", cookie: ["a=1", "b=2"] });
    session.close();
    expect(upstream.calls[0]?.headers).toMatchObject({ te: "trailers", cookie: "a=1; b=2" });
  });

  it("each request of a connection is decided on anew", async () => {
    const session = await http2Through(test, { target });
    expect((await ask(session, get())).status).toBe(200);
    await test.proxy.identities.update(identity());
    const refused = await ask(session, { ...get(), ":authority": "evil.test" });
    expect(refused).toMatchObject({ status: 421, headers: { "clauderon-refusal": "host-mismatch" } });
    expect((await ask(session, get())).status).toBe(200);
    session.close();
    expect(upstream.calls).toHaveLength(2);
  });

  it("a server name other than CONNECT's is refused stream by stream", async () => {
    const session = await http2Through(test, { target, servername: "other.test", isUnverified: true });
    for (let round = 0; round < 2; round += 1)
      expect(await ask(session, get())).toMatchObject({
        status: 421,
        headers: { "clauderon-refusal": "server-name-mismatch" },
      });
    session.close();
    expect(upstream.calls).toHaveLength(0);
  });
});
