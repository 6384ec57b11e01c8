import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createSecureContext, createServer as createTlsServer } from "node:tls";

import { systemClock } from "@clauderon/core/host";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { authorityText, createAuthority } from "../certificates/authority.ts";
import { createLeafKey, mintLeaf } from "../certificates/leaf.ts";
import { upstreamAuthority } from "../transport/testing/recording-upstream.fixture.ts";
import {
  connectThrough,
  dial,
  isWholeAnswer,
  readUntil,
  startTestProxy,
  tlsThrough,
} from "../transport/testing/test-proxy.fixture.ts";
import { openProxyWorld, worldSecret, worldTarget, type ProxyWorld } from "./testing/proxy-world.fixture.ts";

const longMs = 180_000;
const dayMs = 24 * 60 * 60 * 1000;
const openaiSecret = "sk-proj-REAL-0f3c77";
const target = "api.openai.com:443";
const explained = "clauderon proxy explain 'https://api.openai.com/v1/models'";

let world: ProxyWorld;
const servers: Server[] = [];

beforeEach(async () => {
  world = await openProxyWorld();
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await world[Symbol.asyncDispose]();
});

/** Of all that the proxy wrote down. */
async function written(): Promise<string> {
  const audit = await readFile(join(world.home, "audit.jsonl"), "utf8").catch(() => "");
  return audit + (await world.log());
}

async function stop(): Promise<void> {
  await world.client.call("stop", { whenIdle: false });
  await world.client.ended;
}

describe("E a start that cannot be", () => {
  interface StartCase {
    readonly name: string;
    readonly path: string;
    readonly damage: (path: string, text: string) => Promise<void>;
    readonly why: RegExp;
    readonly fix: RegExp;
  }
  const replaced =
    (change: (text: string) => string): StartCase["damage"] =>
    async (path, text) =>
      writeFile(path, change(text));
  const authority = (name: string, change: (text: string) => string, why: RegExp): StartCase => ({
    name: `an authority's file that is ${name}`,
    path: "proxy/authority.pem",
    damage: replaced(change),
    why,
    fix: /move it away/u,
  });
  const certificateOf = (text: string): string => text.slice(text.indexOf("-----BEGIN CERT"));
  const keyOf = (text: string): string => text.slice(0, text.indexOf("-----BEGIN CERT"));
  const aged = (days: number): string => authorityText(createAuthority(new Date(Date.now() + days * dayMs)));
  const cases: readonly StartCase[] = [
    authority("half written", (text) => text.slice(0, text.length / 2), /cut off/u),
    authority("empty", () => "", /it is empty/u),
    authority("expired", () => aged(-4000), /expired on/u),
    authority("of the day after tomorrow", () => aged(3), /the clock may be wrong/u),
    authority(
      "with another's key",
      (text) => keyOf(authorityText(createAuthority(new Date()))) + certificateOf(text),
      /does not belong/u,
    ),
    {
      name: "an authority's file that others read",
      path: "proxy/authority.pem",
      damage: async (path) => chmod(path, 0o644),
      why: /its mode is 644/u,
      fix: /chmod 600/u,
    },
    {
      name: "a state that cannot be read",
      path: "proxy/state.json",
      damage: replaced((text) => text.slice(0, text.length / 2)),
      why: /state\.json/u,
      fix: /state\.json/u,
    },
    {
      name: "settings that are wrong",
      path: "proxy.toml",
      damage: replaced((text) => `${text}\n[[rules]]\nid = "a"\n`),
      why: /proxy\.toml:\d+/u,
      fix: /./u,
    },
    {
      name: "an authority of the user's that is none",
      path: "../ca.pem",
      damage: replaced(() => "nothing"),
      why: /extra_ca\) holds no certificate/u,
      fix: /PEM/u,
    },
  ];
  it.each(cases)(
    "says what and what to do: $name",
    async ({ path: name, damage, why, fix }) => {
      const path = join(world.home, name);
      const way = await world.access();
      const text = await readFile(path, "utf8");
      await stop();
      await damage(path, text);
      const damaged = await readFile(path, "utf8");
      const error: unknown = await world.start().catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "daemon.unreachable", why: expect.stringMatching(why) as string });
      expect((error as { readonly fix: readonly string[] }).fix.join("\n")).toMatch(fix);
      expect(await world.log()).toMatch(why);
      expect(await written()).not.toMatch(new RegExp(`${worldSecret}|PRIVATE KEY`, "u"));
      // Nothing was mended behind the user's back, and nothing was lost.
      expect(await readFile(path, "utf8")).toBe(damaged);
      await writeFile(path, text);
      await chmod(path, 0o600);
      await using again = await world.start();
      expect(await again.call("status", {})).toMatchObject({ port: way.port, sessions: 1 });
      expect((await connectThrough(way, { target: worldTarget })).answer).toMatch(/^HTTP\/1.1 200/u);
    },
    longMs,
  );

  it("an authority that is damaged under a running proxy is not used for more, and what runs goes on", async () => {
    const path = join(world.home, "proxy", "authority.pem");
    const way = await world.access();
    await writeFile(path, "half");
    await expect(world.client.call("rotateAuthority", {})).rejects.toMatchObject({ code: "settings.invalid" });
    const tls = await tlsThrough(way, { target: worldTarget });
    expect(tls.authorized).toBe(true);
    tls.destroy();
    expect(await readFile(path, "utf8")).toBe("half");
    await rm(path);
  });
});

describe("E an upstream or a client that does it wrong", () => {
  const key = createLeafKey();

  async function serve(server: Server, onSocket: (socket: Socket) => void): Promise<string> {
    servers.push(server);
    server.on("tlsClientError", () => undefined);
    server.on("connection", (socket) => socket.on("error", () => undefined));
    server.on("secureConnection", onSocket);
    if (!("addContext" in server)) server.on("connection", onSocket);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return `https://localhost:${(server.address() as AddressInfo).port}`;
  }
  const tls = (onSocket: (socket: Socket) => void, host = "localhost", days = 0): (() => Promise<string>) => {
    const now = new Date(Date.now() + days * dayMs);
    const { certificatePem } = mintLeaf(upstreamAuthority, { host, key, now });
    const context = createSecureContext({ key: key.privateKeyPem, cert: certificatePem });
    const server = createTlsServer({ SNICallback: (_name, done) => done(null, context) });
    return async () =>
      serve(server, (socket) => {
        socket.on("error", () => undefined);
        onSocket(socket);
      });
  };
  const plain = (onSocket: (socket: Socket) => void) => async (): Promise<string> => serve(createServer(), onSocket);
  const once200 =
    (body: string) =>
    (socket: Socket): void =>
      void socket.once("data", () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n${body}`));

  interface UpstreamCase {
    readonly name: string;
    readonly upstream: () => Promise<string>;
    /** The code that the client and the audit log are told; none = the answer comes, or breaks off. */
    readonly code?: string;
    readonly says: RegExp;
    readonly isWhole: boolean;
  }
  const fails = (
    name: string,
    upstream: UpstreamCase["upstream"],
    about: { code: string; says: RegExp },
  ): UpstreamCase => ({
    name,
    upstream,
    isWhole: true,
    ...about,
  });
  const cases: readonly UpstreamCase[] = [
    fails("is down", async () => "https://localhost:1", { code: "upstream-unreachable", says: /ECONNREFUSED/u }),
    fails("has no name", async () => "https://no-such-host.invalid", {
      code: "name-not-resolved",
      says: /no-such-host/u,
    }),
    fails("has a certificate of another name", tls(once200("0123456789"), "other.test"), {
      code: "upstream-tls",
      says: /ALTNAME_INVALID/u,
    }),
    fails("has a certificate that has expired, or a clock ahead here", tls(once200("0123456789"), "localhost", -10), {
      code: "upstream-tls",
      says: /CERT_HAS_EXPIRED/u,
    }),
    fails("has a certificate of tomorrow, or a clock behind here", tls(once200("0123456789"), "localhost", 3), {
      code: "upstream-tls",
      says: /CERT_NOT_YET_VALID/u,
    }),
    fails(
      "speaks no TLS",
      plain((socket) => socket.end("HTTP/1.1 400 Bad\r\n\r\n")),
      {
        code: "upstream-tls",
        says: /TLS connection that can be trusted/u,
      },
    ),
    fails(
      "hangs up before TLS",
      plain((socket) => socket.destroy()),
      { code: "upstream-tls", says: /ECONNRESET|TLS/u },
    ),
    fails(
      "hangs up instead of an answer",
      tls((socket) => void socket.once("data", () => socket.destroy())),
      {
        code: "upstream-failed",
        says: /upstream/u,
      },
    ),
    fails(
      "answers what is no HTTP",
      tls((socket) => void socket.once("data", () => socket.write("hello\r\n\r\n"))),
      {
        code: "upstream-failed",
        says: /upstream/u,
      },
    ),
    {
      name: "is slow",
      upstream: tls((socket) => {
        socket.once("data", () =>
          setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"), 300),
        );
      }),
      says: /0123456789$/u,
      isWhole: true,
    },
    {
      name: "closes in the middle of its answer",
      upstream: tls(
        (socket) => void socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")),
      ),
      says: /01234$/u,
      isWhole: false,
    },
    {
      name: "dies in the middle of its answer",
      upstream: tls(
        (socket) =>
          void socket.once("data", () =>
            socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n", () => socket.destroy()),
          ),
      ),
      says: /01234/u,
      isWhole: false,
    },
  ];

  it.each(cases)(
    "one that $name is told in a short body and the log; others go on, nothing leaks",
    async ({ upstream, code, says, isWhole }) => {
      await mkdir(join(world.home, "secrets"), { mode: 0o700 });
      await writeFile(join(world.home, "secrets", "openai"), openaiSecret, { mode: 0o600 });
      await world.configure("", `"api.openai.com" = "${await upstream()}"\n`);
      await world.client.call("reload", {});
      const way = await world.access();
      const other = await tlsThrough(way, { target: worldTarget });
      const client = await tlsThrough(way, { target });
      const read = readUntil(client, isWhole ? isWholeAnswer : () => false);
      client.write(
        "GET /v1/models?key=hidden HTTP/1.1\r\nHost: api.openai.com\r\nAuthorization: Bearer placeholder\r\n\r\n",
      );
      const answered = readUntil(other, isWholeAnswer);
      other.write("GET /v1/models HTTP/1.1\r\nHost: api.anthropic.com\r\nX-Api-Key: placeholder\r\n\r\n");
      expect((await answered).text).toMatch(/^HTTP\/1.1 200/u);
      const { text, isEnded, error } = await read;
      expect(text).toMatch(says);
      if (code !== undefined) {
        expect(text).toMatch(/^HTTP\/1.1 502/u);
        expect(text).toContain(`clauderon-refusal: ${code}`);
        expect(text).toContain(explained);
        expect(text.length).toBeLessThan(1000);
        await expect.poll(written, { timeout: 20_000 }).toContain(`"reason":"${code}"`);
      }
      if (!isWhole) {
        // A chunked answer has no last chunk, and TLS no clean end.
        expect(text).not.toMatch(/\r\n0\r\n/u);
        expect(isEnded && error === undefined && isWholeAnswer(text)).toBe(false);
      }
      const told = text + (await written());
      for (const leak of [openaiSecret, worldSecret, "hidden", createHash("sha256").update(openaiSecret).digest("hex")])
        expect(told).not.toContain(leak);
      other.destroy();
      client.destroy();
    },
    longMs,
  );

  it.each([
    ["TLS", Buffer.from("16030100050100000100", "hex"), /^HTTP\/1.1 400[^]*the proxy's URL with http:\/\//u],
    ["no HTTP", Buffer.from("\u0001\u0002hello\r\n\r\n"), /^HTTP\/1.1 400[^]*RFC 9112/u],
    [
      "no token",
      Buffer.from("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"),
      /^HTTP\/1.1 407[^]*Basic realm/u,
    ],
    [
      "a request of the API",
      Buffer.from("GET /api/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n"),
      /^HTTP\/1.1 40[07]/u,
    ],
  ])("a client that speaks %s to the port reads why", async (_name, bytes, says) => {
    const { port } = await world.client.call("status", {});
    const socket = await dial(port);
    const read = readUntil(socket);
    socket.write(bytes);
    expect((await read).text).toMatch(says);
  });
});

describe("E a clock that is a day off", () => {
  it.each([-1, 1])("by %i: what it made is taken by clients whose clock is right", async (days) => {
    const now = (): Date => new Date(Date.now() + days * dayMs);
    await using test = await startTestProxy({ clock: { ...systemClock, now } });
    for (const host of ["api.test", "other.rule.test"]) {
      const tls = await tlsThrough(test, { target: `${host}:443` });
      expect(tls.authorized).toBe(true);
      tls.destroy();
    }
  });
});
