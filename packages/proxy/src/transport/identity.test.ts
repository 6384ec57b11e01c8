import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import { connect as connectTls } from "node:tls";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { startRecordingUpstream, type RecordingUpstream } from "./testing/recording-upstream.fixture.ts";
import {
  basic,
  connectThrough,
  dial,
  identity,
  isWholeAnswer,
  openPolicy,
  readUntil,
  startTestProxy,
  testEngine,
  tlsThrough,
  type TestProxy,
} from "./testing/test-proxy.fixture.ts";

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
beforeEach(() => upstream.clear());

describe("P31 who asks", () => {
  it.each<[string, () => string]>([
    ["no identity", () => ""],
    ["a wrong token", () => basic("s1", "x".repeat(43))],
    ["an unknown session", () => basic("s2", test.token)],
    ["an empty token", () => basic("s1", "")],
    ["no user", () => basic("", test.token)],
    ["the hash of the token", () => basic("s1", Buffer.from(test.token).toString("hex"))],
    ["another scheme", () => `Bearer ${test.token}`],
    ["nothing behind the scheme", () => "Basic"],
    ["a token with an end", () => basic("s1", `${test.token}x`)],
  ])("%s: 407 with a challenge and a readable body, nothing upstream", async (_name, authorization) => {
    const { answer } = await connectThrough(test, { target, authorization: authorization() });
    expect(answer).toMatch(/^HTTP\/1.1 407 Proxy Authentication Required\r\n/u);
    expect(answer).toMatch(/proxy-authenticate: Basic realm="clauderon"/iu);
    expect(answer).toContain("fix: ");
    expect(upstream.connections.filter(({ isClosed }) => !isClosed)).toHaveLength(0);
  });

  it("two identities are none", async () => {
    const { answer } = await connectThrough(test, {
      target,
      extraHeaders: `proxy-authorization: ${basic("s1", "x")}\r\n`,
    });
    expect(answer).toMatch(/^HTTP\/1.1 407/u);
  });

  it("wrong tokens are answered 429 at some point, right ones never", async () => {
    await using small = await startTestProxy({ limits: { wrongTokensPerMinute: 5 } });
    const answers: string[] = [];
    for (let count = 0; count < 7; count += 1)
      answers.push((await connectThrough(small, { target, authorization: basic("s1", "no") })).answer.slice(9, 12));
    expect(answers).toEqual(["407", "407", "407", "407", "407", "429", "429"]);
    const { socket, answer } = await connectThrough(small, { target });
    expect(answer).toMatch(/^HTTP\/1.1 200/u);
    socket.destroy();
  });

  it("the first request without identity is not written down as an attack, a wrong token is", async () => {
    // Of its own: the end of an earlier test's tunnel may be written down at any time.
    await using quiet = await startTestProxy();
    await connectThrough(quiet, { target, authorization: "" });
    expect(quiet.records).toEqual([]);
    await connectThrough(quiet, { target, authorization: basic("s1", "no") });
    expect(quiet.records).toMatchObject([{ decision: "blocked", reason: "identity-unknown" }]);
  });

  it("a session that is removed loses its token, its connections and what it has in flight", async () => {
    const { token } = await test.proxy.identities.add(identity("gone"));
    const authorization = basic("gone", token);
    const tls = await tlsThrough({ ...test, authorization }, { target });
    upstream.respond = () => undefined;
    tls.write(`GET /flying HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    await upstream.until(() => upstream.text.includes("/flying"));
    const read = readUntil(tls);
    expect(await test.proxy.identities.remove("gone")).toBe(true);
    expect((await read).text).toBe("");
    await upstream.until(() =>
      upstream.connections.every(({ isClosed, text }) => isClosed || !text.includes("/flying")),
    );
    expect((await connectThrough(test, { target, authorization })).answer).toMatch(/^HTTP\/1.1 407/u);
    expect(await test.proxy.identities.remove("gone")).toBe(false);
  });

  it("comes back with its old token from its record, which does not hold it", async () => {
    const added = await test.proxy.identities.add(identity("kept"));
    expect(JSON.stringify(added.record)).not.toContain(added.token);
    await test.proxy.identities.remove("kept");
    await test.proxy.identities.add(added.record.identity, added.record);
    const { socket, answer } = await connectThrough(test, { target, authorization: basic("kept", added.token) });
    expect(answer).toMatch(/^HTTP\/1.1 200/u);
    socket.destroy();
  });

  it("P23 P24 requests outside a tunnel need an identity, too, and what is no proxy request is refused", async () => {
    const ask = async (request: string): Promise<string> => {
      const socket = await dial(test.port);
      const read = readUntil(socket);
      socket.write(request);
      return (await read).text;
    };
    expect(await ask("GET http://api.test/ HTTP/1.1\r\nHost: api.test\r\n\r\n")).toMatch(/^HTTP\/1.1 407/u);
    expect(await ask(`GET / HTTP/1.1\r\nHost: x\r\nProxy-Authorization: ${test.authorization}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 400/u,
    );
  });
});

describe("policies that change", () => {
  it("hold from the next request on, and cut what they forbid", async () => {
    const tunnels = await startRecordingUpstream({ isPlain: true, respond: ({ socket }) => socket.write("x") });
    let isForbidden = false;
    await using changing = await startTestProxy({
      engine: testEngine({
        connect: (asker, host) =>
          host === "tunnel.test" && asker?.policy.network === "none"
            ? { kind: "refuse", refusal: { status: 403, code: "none", message: "none", fix: "none" } }
            : undefined,
        request: () =>
          isForbidden
            ? { kind: "refuse", refusal: { status: 403, code: "changed", message: "changed", fix: "none" } }
            : undefined,
      }),
    });
    const { socket } = await connectThrough(changing, { target: `tunnel.test:${tunnels.port}` });
    const echoed = readUntil(socket, (text) => text.includes("x"));
    socket.write("hello");
    await echoed;
    const tls = await tlsThrough(changing, { target });
    const cut = readUntil(socket);
    await changing.proxy.identities.update(identity("s1", { ...openPolicy, network: "none" }));
    expect((await cut).isEnded).toBe(false);
    isForbidden = true;
    const read = readUntil(tls, isWholeAnswer);
    tls.write(`GET / HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    expect((await read).text).toContain("changed");
    await tunnels[Symbol.asyncDispose]();
  });
});

describe("other ways in", () => {
  it("a Unix socket is its session's identity, without a token, for its user alone", async () => {
    const path = join(test.directory, "s1.sock");
    await test.proxy.listenForSession("s1", path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    upstream.respond = ({ socket, text }) =>
      text.endsWith("\r\n\r\n") && socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    const raw = connect(path);
    const established = readUntil(raw, (text) => text.includes("\r\n\r\n"));
    raw.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`);
    expect((await established).text).toMatch(/^HTTP\/1.1 200/u);
    const tls = connectTls({ socket: raw, servername: "api.test", ca: test.ca });
    await once(tls, "secureConnect");
    const read = readUntil(tls, isWholeAnswer);
    tls.write(`GET / HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    expect((await read).text).toMatch(/^HTTP\/1.1 200/u);
    tls.destroy();
    await expect(test.proxy.listenForSession("nobody", path)).rejects.toMatchObject({ code: "session.not-found" });
  });

  it("a carrier's connection is served for the session that was named", async () => {
    const [client, server] = duplexPair();
    await test.proxy.accept(server, "s1");
    const tunnel = await startRecordingUpstream({ isPlain: true, respond: ({ socket }, chunk) => socket.write(chunk) });
    const received = new Promise<string>((fulfil) => {
      let text = "";
      client.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (text.endsWith("echo me")) fulfil(text);
      });
    });
    client.write(`CONNECT tunnel.test:${tunnel.port} HTTP/1.1\r\nhost: x\r\n\r\necho me`);
    expect(await received).toMatch(/^HTTP\/1.1 200/u);
    // The carrier is lost.
    server.destroy();
    await tunnel.until(() => tunnel.connections.every(({ isClosed }) => isClosed));
    await tunnel[Symbol.asyncDispose]();
  });

  it("what the daemon hands over: nobody gets a blind tunnel to hosts with a rule, nothing injected; a token counts", async () => {
    const path = join(test.directory, "daemon.sock");
    await test.proxy.listenForDaemon(path);
    test.records.length = 0;
    const ask = async (host: string, headers = ""): Promise<string> => {
      const raw = connect(path);
      const read = readUntil(raw, (text) => text.startsWith("HTTP/1.1 200") && text.includes("\r\n\r\n"));
      raw.write(`CONNECT ${host} HTTP/1.1\r\nhost: ${host}\r\n${headers}\r\n`);
      const { text } = await read;
      raw.destroy();
      return text;
    };
    expect(await ask(target)).toMatch(/^HTTP\/1.1 200/u);
    expect(await ask(`other.rule.test:${upstream.port}`, `proxy-authorization: ${test.authorization}\r\n`)).toMatch(
      /^HTTP\/1.1 200/u,
    );
    expect(await ask("evil.test:443")).toMatch(/^HTTP\/1.1 403/u);
    expect(await ask(target, `proxy-authorization: ${basic("s1", "no")}\r\n`)).toMatch(/^HTTP\/1.1 407/u);
    expect(test.records.filter(({ durationMs }) => durationMs === undefined)).toMatchObject([
      { decision: "allowed", sessionId: undefined },
      { decision: "allowed", sessionId: "s1" },
      { decision: "blocked", sessionId: undefined },
      { decision: "blocked", sessionId: undefined },
    ]);
  });
});

describe("the audit", () => {
  it("P62 without it nothing goes through: 503, and nothing upstream", async () => {
    let isFull = false;
    await using full = await startTestProxy({
      writeRecord: () => {
        if (isFull) throw new Error("no space left");
      },
    });
    const tls = await tlsThrough(full, { target });
    isFull = true;
    const read = readUntil(tls, isWholeAnswer);
    tls.write(`GET /unseen HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    const { text } = await read;
    expect(text).toMatch(/^HTTP\/1.1 503/u);
    expect(text).toContain("audit-unavailable");
    expect((await connectThrough(full, { target })).answer).toMatch(/^HTTP\/1.1 503/u);
    expect(upstream.text).not.toContain("/unseen");
  });
});

describe("the authority", () => {
  it("that was replaced goes on serving sessions that began with it; new ones and the bundle have the new one", async () => {
    await using rotated = await startTestProxy();
    await rotated.proxy.rotateAuthority();
    (await tlsThrough(rotated, { target })).destroy();
    const { token } = await rotated.proxy.identities.add(identity("new"));
    const authorization = basic("new", token);
    await expect(tlsThrough({ ...rotated, authorization }, { target })).rejects.toThrow(/certificate/u);
    const ca = await readFile(join(rotated.directory, "proxy-ca.pem"), "utf8");
    (await tlsThrough({ ...rotated, authorization, ca }, { target })).destroy();
    (await tlsThrough({ ...rotated, ca }, { target })).destroy();
  });
});
