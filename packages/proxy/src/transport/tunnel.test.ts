import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import {
  answer,
  startRecordingUpstream,
  upstreamAuthority,
  type RecordingUpstream,
} from "./testing/recording-upstream.fixture.ts";
import {
  connectThrough,
  dial,
  isWholeAnswer,
  readUntil,
  startTestProxy,
  tlsThrough,
  type TestProxy,
} from "./testing/test-proxy.fixture.ts";

let plain: RecordingUpstream;
let test: TestProxy;
let target: string;

beforeAll(async () => {
  plain = await startRecordingUpstream({ isPlain: true, respond: ({ socket }, chunk) => socket.write(chunk) });
  test = await startTestProxy({ limits: { tunnelsPerSession: 12 } });
  target = `tunnel.test:${plain.port}`;
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});
beforeEach(() => plain.clear());

const connectLine = (host: string): string =>
  `CONNECT ${host} HTTP/1.1\r\nhost: ${host}\r\nproxy-authorization: ${test.authorization}\r\n\r\n`;

describe("a blind tunnel", () => {
  it("trap 7: bytes in the packet of the CONNECT arrive, in a tunnel", async () => {
    const socket = await dial(test.port);
    const read = readUntil(socket, (text) => text.endsWith("first bytes"));
    socket.write(`${connectLine(target)}first bytes`);
    expect((await read).text).toMatch(/^HTTP\/1.1 200 [^\r]*\r\n\r\nfirst bytes$/u);
    expect(plain.text).toBe("first bytes");
    socket.destroy();
  });

  it("trap 7: a ClientHello in the packet of the CONNECT arrives, where TLS ends here", async () => {
    await using upstream = await startRecordingUpstream();
    const host = `api.test:${upstream.port}`;
    const raw = await dial(test.port);
    const hello = await clientHello();
    const answered = readUntil(raw, (text) => text.includes("\r\n\r\n") && text.length > 200);
    raw.write(Buffer.concat([Buffer.from(connectLine(host)), hello]));
    const { text } = await answered;
    // Behind the 200 comes a TLS record of type handshake.
    expect(text.split("\r\n\r\n")[1]?.charCodeAt(0)).toBe(0x16);
    raw.destroy();
  });

  it("ends each direction by itself", async () => {
    await using patient = await startRecordingUpstream({
      isPlain: true,
      isHalfOpen: true,
      respond: ({ socket }, chunk) => socket.write(chunk),
    });
    const { socket } = await connectThrough(test, { target: `tunnel.test:${patient.port}` });
    // The proxy's answer may be here before the upstream has taken the connection.
    await patient.until(() => patient.connections.length === 1);
    const [{ socket: far } = { socket }] = patient.connections;
    const read = readUntil(socket);
    socket.end("last words");
    await once(far, "end");
    far.end(" and the answer");
    const { text, isEnded, error } = await read;
    expect({ text, isEnded, error }).toEqual({ text: "last words and the answer", isEnded: true, error: undefined });
  });

  it("B4 an upstream that breaks off is an error at the client, never a clean end", async () => {
    const { socket } = await connectThrough(test, { target });
    const echoed = readUntil(socket, (text) => text === "a");
    socket.write("a");
    await echoed;
    const read = readUntil(socket);
    plain.connections.at(-1)?.socket.resetAndDestroy();
    const { isEnded, error } = await read;
    expect(isEnded).toBe(false);
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });

  it("B4 a proxy that closes cuts its tunnels with an error, too", async () => {
    const closing = await startTestProxy();
    const { socket } = await connectThrough(closing, { target });
    const read = readUntil(socket);
    await closing[Symbol.asyncDispose]();
    expect((await read).isEnded).toBe(false);
  });

  it("trap 6: clients that leave close the upstream's side, and leave no descriptor", async () => {
    const count = (): number => readdirSync("/proc/self/fd").length;
    const round = async (): Promise<void> => {
      const { socket } = await connectThrough(test, { target });
      socket.write(Buffer.alloc(1024 * 1024));
      socket.resetAndDestroy();
    };
    await round();
    await plain.until(() => plain.connections.every(({ isClosed }) => isClosed));
    const before = count();
    for (let rounds = 0; rounds < 6; rounds += 1) await Promise.all(Array.from({ length: 5 }, round));
    await plain.until(() => plain.connections.every(({ isClosed }) => isClosed));
    await expect.poll(count).toBeLessThanOrEqual(before + 2);
    await expect.poll(async () => (await test.proxy.status()).tunnels).toBe(0);
  });

  it("is refused beyond the session's limit", async () => {
    const open = await Promise.all(Array.from({ length: 12 }, async () => connectThrough(test, { target })));
    expect(open.every((one) => one.answer.startsWith("HTTP/1.1 200"))).toBe(true);
    expect((await connectThrough(test, { target })).answer).toMatch(/^HTTP\/1.1 429/u);
    for (const { socket } of open) socket.destroy();
    await expect.poll(async () => (await test.proxy.status()).tunnels).toBe(0);
  });

  it("that cannot be made is a readable 502", async () => {
    // Not a port that was just free: another test could have it by now.
    const { answer: text } = await connectThrough(test, { target: "tunnel.test:1" });
    expect(text).toMatch(/^HTTP\/1.1 502/u);
    expect(text).toContain("ECONNREFUSED");
  });
});

describe("P08 targets that are none", () => {
  it.each([
    ["NUL", "evil.test\0.tunnel.test:443"],
    ["a space", "evil.test .tunnel.test:443"],
    ["an encoded NUL", "evil.test%00.tunnel.test:443"],
    ["a user", "tunnel.test@evil.test:443"],
    ["a path", "tunnel.test:443/x"],
    ["no port", "tunnel.test"],
    ["a port of 0", "tunnel.test:0"],
    ["a port too large", "tunnel.test:65536"],
    ["a backslash", "tunnel.test\\.evil.test:443"],
    ["a fragment", "tunnel.test#.evil.test:443"],
    ["an empty label", "tunnel..test:443"],
    ["300 characters", `${"a".repeat(300)}.test:443`],
    ["8 KiB", `${"a.".repeat(4200)}test:443`],
    ["a URL", "http://tunnel.test:443"],
  ])("%s", async (_name, host) => {
    const { answer: text } = await connectThrough(test, { target: host });
    expect(text).toMatch(/^HTTP\/1.1 4(?:00|03|31)/u);
    expect(plain.connections.filter(({ isClosed }) => !isClosed)).toHaveLength(0);
  });
});

describe("P05 addresses", () => {
  const refused = ["169.254.169.254", "10.1.2.3", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"];
  it.each(refused)("a name that leads to %s among public ones is refused, before a byte is sent", async (address) => {
    await using strict = await startTestProxy({
      upstream: { checkAddresses: undefined, resolve: async () => ["93.184.216.34", address] },
    });
    const { answer: text } = await connectThrough(strict, { target });
    expect(text).toMatch(/^HTTP\/1.1 403/u);
    expect(text).toContain("address-denied");
    expect(strict.records).toMatchObject([{ decision: "allowed" }, { decision: "blocked", reason: "address-denied" }]);
  });

  it("a name is resolved once: what it leads to later does not matter", async () => {
    let asked = 0;
    await using once = await startTestProxy({
      upstream: {
        resolve: async () => {
          asked += 1;
          return asked === 1 ? ["127.0.0.1"] : ["127.0.0.2"];
        },
      },
    });
    const { socket, answer: text } = await connectThrough(once, { target });
    expect(text).toMatch(/^HTTP\/1.1 200/u);
    expect(asked).toBe(1);
    socket.destroy();
  });

  it("P06 the proxy does not lead to itself, whatever is allowed", async () => {
    await using looped = await startTestProxy({
      upstream: {
        checkAddresses: undefined,
        allowedAddresses: [{ bytes: [127, 0, 0, 1], prefixLength: 32 }],
      },
    });
    expect((await connectThrough(looped, { target: `tunnel.test:${looped.port}` })).answer).toMatch(/^HTTP\/1.1 403/u);
    const { socket, answer: text } = await connectThrough(looped, { target });
    expect(text).toMatch(/^HTTP\/1.1 200/u);
    socket.destroy();
  });
});

describe("B3 where upstreams are", () => {
  it("the user's own gateway gets what was meant for the host, with its own name and certificate", async () => {
    await using gateway = await startRecordingUpstream({ name: "gateway.test" });
    await using mapped = await startTestProxy({
      upstream: {
        overrides: new Map([["api.test", { scheme: "https", host: "gateway.test", port: gateway.port }]]),
        checkAddresses: () => ({ status: 403, code: "asked", message: "asked", fix: "none" }),
      },
    });
    const tls = await tlsThrough(mapped, { target: "api.test:443" });
    const read = readUntil(tls, isWholeAnswer);
    tls.write("GET /v1 HTTP/1.1\r\nHost: api.test\r\n\r\n");
    expect((await read).text).toMatch(/^HTTP\/1.1 200/u);
    expect(gateway.text).toContain(`host: gateway.test:${gateway.port}\r\n`);
    tls.destroy();
  });

  it("E a certificate of another name or authority is refused readably, and nothing is sent", async () => {
    await using wrong = await startRecordingUpstream({ name: "wrong.test" });
    const ask = async (proxy: TestProxy): Promise<string> => {
      const tls = await tlsThrough(proxy, { target: `api.test:${wrong.port}` });
      const read = readUntil(tls, isWholeAnswer);
      tls.write(`GET / HTTP/1.1\r\nHost: api.test:${wrong.port}\r\n\r\n`);
      const { text } = await read;
      tls.destroy();
      return text;
    };
    expect(await ask(test)).toMatch(/^HTTP\/1.1 502[\s\S]*upstream-tls[\s\S]*ERR_TLS_CERT_ALTNAME_INVALID/u);
    await using unknown = await startTestProxy({ upstream: { extraCertificates: [] } });
    await using right = await startRecordingUpstream();
    const tls = await tlsThrough(unknown, { target: `api.test:${right.port}` });
    const read = readUntil(tls, isWholeAnswer);
    tls.write(`GET / HTTP/1.1\r\nHost: api.test:${right.port}\r\n\r\n`);
    expect((await read).text).toMatch(/^HTTP\/1.1 502[\s\S]*upstream-tls/u);
    expect(right.text + wrong.text).toBe("");
    tls.destroy();
  });

  it("a corporate proxy is asked for every target, with its credentials; its refusal is told", async () => {
    const asked: string[] = [];
    let status = "200 OK";
    const corporate = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", (head: Buffer) => {
        asked.push(head.toString());
        socket.write(`HTTP/1.1 ${status}\r\n\r\n`);
        socket.on("data", (chunk) => socket.write(chunk));
      });
    }).listen(0, "127.0.0.1");
    await once(corporate, "listening");
    const { port } = corporate.address() as AddressInfo;
    await using behind = await startTestProxy({
      upstream: { corporateProxy: { host: "corporate.test", port, credentials: "me:secret" } },
    });
    const { socket } = await connectThrough(behind, { target });
    const echoed = readUntil(socket, (text) => text === "hello");
    socket.write("hello");
    await echoed;
    expect(asked[0]).toContain(`CONNECT ${target} HTTP/1.1\r\n`);
    expect(asked[0]).toContain(`proxy-authorization: Basic ${Buffer.from("me:secret").toString("base64")}`);
    socket.destroy();
    status = "403 Forbidden";
    expect((await connectThrough(behind, { target })).answer).toMatch(/^HTTP\/1.1 502[\s\S]*upstream-proxy-refused/u);
    corporate.close();
  });

  it.each(["50%", "a%4", "%zz", "100%41"])("a corporate proxy is told the password %s as it is", async (password) => {
    const asked = Promise.withResolvers<string>();
    const corporate = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", (head: Buffer) => {
        asked.resolve(head.toString());
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
      });
    }).listen(0, "127.0.0.1");
    await once(corporate, "listening");
    const { port } = corporate.address() as AddressInfo;
    await using behind = await startTestProxy({
      upstream: { corporateProxy: { host: "corporate.test", port, credentials: `me:${password}` } },
    });
    const { socket, answer: answered } = await connectThrough(behind, { target });
    expect(answered).toMatch(/^HTTP\/1.1 200/u);
    expect(await asked.promise).toContain(`Basic ${Buffer.from(`me:${password}`).toString("base64")}\r\n`);
    socket.destroy();
    corporate.close();
  });

  it("a corporate proxy that does not answer is not waited for without end", async () => {
    const silent = await startRecordingUpstream({ isPlain: true, respond: () => undefined });
    await using behind = await startTestProxy({
      upstream: { corporateProxy: { host: "corporate.test", port: silent.port } },
      limits: { connectMs: 200 },
    });
    expect((await connectThrough(behind, { target })).answer).toMatch(/^HTTP\/1.1 504[\s\S]*upstream-proxy-slow/u);
    await silent.until(() => silent.connections.every(({ isClosed }) => isClosed));
    await silent[Symbol.asyncDispose]();
  });
});

describe("requests outside a tunnel", () => {
  it("go to the host they name, in origin form, without the identity", async () => {
    await using http = await startRecordingUpstream({
      isPlain: true,
      respond: ({ socket, text }) => text.endsWith("\r\n\r\n") && socket.write(answer("plain")),
    });
    const ask = async (url: string, host: string): Promise<string> => {
      const socket = await dial(test.port);
      const read = readUntil(socket, isWholeAnswer);
      socket.write(`GET ${url} HTTP/1.1\r\nHost: ${host}\r\nProxy-Authorization: ${test.authorization}\r\n\r\n`);
      const { text } = await read;
      socket.destroy();
      return text;
    };
    const host = `api.test:${http.port}`;
    expect(await ask(`http://${host}/a?b=c`, host)).toContain("plain");
    expect(http.text).toBe(`GET /a?b=c HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n\r\n`);
    expect(await ask(`http://${host}/`, "evil.test")).toMatch(/^HTTP\/1.1 421/u);
    expect(await ask(`http://evil.test:${http.port}/`, `evil.test:${http.port}`)).toMatch(/^HTTP\/1.1 403/u);
    expect(http.connections).toHaveLength(1);
  });
});

/** The first record of a handshake, as a client of this Node sends it. */
async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const tls = connectTls({ port, host: "127.0.0.1", servername: "api.test", ca: upstreamAuthority.certificatePem });
  tls.on("error", () => undefined);
  const [socket] = await once(server, "connection");
  const [hello] = await once(socket, "data");
  tls.destroy();
  server.close();
  return hello as Buffer;
}
