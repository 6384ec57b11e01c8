import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { ask as askHttp2, http2Through } from "./testing/http2-client.fixture.ts";
import { startHttp2Upstream } from "./testing/http2-upstream.fixture.ts";
import {
  answer,
  startRecordingUpstream,
  upstreamAuthority,
  type RecordingUpstream,
} from "./testing/recording-upstream.fixture.ts";
import { isWholeWay, requestWays } from "./testing/request-ways.fixture.ts";
import {
  basic,
  identity,
  isWholeAnswer,
  openPolicy,
  readUntil,
  startTestProxy,
  testEngine,
  tlsThrough,
  type TestProxy,
} from "./testing/test-proxy.fixture.ts";

type Access = Pick<TestProxy, "port" | "authorization" | "ca">;

let upstream: RecordingUpstream;
let test: TestProxy;
let target: string;
let session: Access;
/** Runs once, after the next request was decided on and before anything of it is sent. */
let meanwhile: (() => unknown) | undefined;

const refusing = testEngine({
  request: () => ({ kind: "refuse", refusal: { status: 403, code: "changed", message: "changed", fix: "none" } }),
});
const engine = testEngine({
  request: (asker) => (asker.policy.network === "none" ? refusing.decideRequest(asker, anything) : undefined),
});
const anything = {
  target: { scheme: "https", host: "api.test", port: 443 },
  method: "GET",
  path: "/",
  query: "",
  headers: [],
  isUpgrade: false,
} as const;

const upstreamSettings = {
  extraCertificates: [upstreamAuthority.certificatePem],
  resolve: async () => ["127.0.0.1"],
  checkAddresses: () => undefined,
};

let sessionId = "s1";
let count = 1;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  target = `api.test:${upstream.port}`;
  test = await startTestProxy({
    engine,
    limits: { upstreamConnections: 1 },
    writeRecord: ({ kind, durationMs }) => {
      if (kind === "connect" || durationMs !== undefined) return;
      const now = meanwhile;
      meanwhile = undefined;
      now?.();
    },
    flushRecords: () => undefined,
  });
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
/** A session that nobody has used yet. */
beforeEach(async () => {
  meanwhile = undefined;
  test.proxy.usePolicy(engine);
  await test.proxy.identities.remove(sessionId);
  count += 1;
  sessionId = `s${count}`;
  const { token } = await test.proxy.identities.add(identity(sessionId));
  session = { ...test, authorization: basic(sessionId, token) };
  upstream.clear();
  upstream.respond = ({ socket, text }) => {
    if (isWholeWay(text)) socket.write(answer("ok"));
  };
});

/** The answer's status; empty where the connection ended without one. */
async function ask(text: string, by: Access = session): Promise<string> {
  const tls = await tlsThrough(by, { target });
  const read = readUntil(tls, isWholeAnswer);
  tls.write(text);
  const { text: answered } = await read;
  tls.destroy();
  return answered.slice(9, 12);
}

const changes: Readonly<Record<string, { readonly make: () => unknown; readonly status: string }>> = {
  "the same policy again": {
    make: () => test.proxy.identities.update(identity(sessionId, { ...openPolicy })),
    status: "200",
  },
  "a policy that refuses it": {
    make: () => test.proxy.identities.update(identity(sessionId, { ...openPolicy, network: "none" })),
    status: "403",
  },
  "rules that refuse it": { make: () => test.proxy.usePolicy(refusing), status: "403" },
  "rules by which something else happens to it": {
    make: () => test.proxy.usePolicy(testEngine({ request: () => ({ kind: "forward" }) })),
    status: "503",
  },
  "another way to upstreams": { make: () => test.proxy.useUpstream(upstreamSettings), status: "200" },
  "the session's end": { make: () => test.proxy.identities.remove(sessionId), status: "" },
};

/** One for each kind of connection to an upstream. */
const ways = ["plain", "with a long body", "for a WebSocket"] as const;

describe.each(ways)("a request %s", (way) => {
  it.each(Object.keys(changes))("between whose decision and sending comes %s", async (change) => {
    const { make, status } = changes[change] ?? expect.unreachable();
    const text = (path: string): string => requestWays[way]?.(target, path) ?? expect.unreachable();
    // Once before there is any connection, and once when there is.
    for (const path of ["/first", "/second"]) {
      let changed: unknown;
      meanwhile = () => {
        changed = make();
      };
      expect(`${path} ${await ask(text(path))}`).toBe(`${path} ${status}`);
      await changed;
      expect(upstream.text.includes(` ${path} `)).toBe(status === "200");
      if (status !== "200") break;
    }
    test.proxy.usePolicy(engine);
    const { token } = await test.proxy.identities.add(identity("after"));
    expect(await ask(text("/after"), { ...test, authorization: basic("after", token) })).toBe("200");
    expect(upstream.text.match(/\/(?:first|second) /gu)?.length ?? 0).toBe(status === "200" ? 2 : 0);
    expect((await test.proxy.status()).requests).toBe(0);
  });
});

describe("a request that waits for a connection", () => {
  it.each([
    ["plain", "none", "403"],
    ["plain", "open", "200"],
    ["with a long body", "none", "403"],
    ["with a long body", "open", "200"],
  ] as const)("%s, goes over a new connection or nowhere (network %s, %s)", async (way, network, status) => {
    const release = Promise.withResolvers<void>();
    upstream.respond = ({ socket, text }) => {
      if (!isWholeWay(text)) return;
      if (text.includes(" /slow ")) void release.promise.then(() => socket.write(answer("ok")));
      else socket.write(answer("ok"));
    };
    const text = (path: string): string => requestWays[way]?.(target, path) ?? expect.unreachable();
    const slow = ask(text("/slow"));
    await upstream.until(() => upstream.text.includes(" /slow "));
    const decided = Promise.withResolvers<void>();
    meanwhile = () => decided.resolve();
    const waiting = ask(text("/waiting"));
    await decided.promise;
    await new Promise((fulfil) => setImmediate(() => setImmediate(fulfil)));
    await test.proxy.identities.update(identity(sessionId, { ...openPolicy, network }));
    release.resolve();
    expect(await slow).toBe("200");
    expect(await waiting).toBe(status);
    expect(upstream.text.includes(" /waiting ")).toBe(status === "200");
    expect(upstream.connections.filter((each) => each.text.includes(" /waiting "))).toHaveLength(
      status === "200" ? 1 : 0,
    );
    expect(upstream.connections.some((each) => /\/slow [^]*\/waiting /u.test(each.text))).toBe(false);
  });
});

it("a request whose connection could not be made by a way that holds no more is sent by the new one", async () => {
  const asked = Promise.withResolvers<void>();
  const failing = Promise.withResolvers<readonly string[]>();
  const resolve = async (): Promise<readonly string[]> => {
    asked.resolve();
    return failing.promise;
  };
  await test.proxy.useUpstream({ ...upstreamSettings, resolve });
  const asking = ask(requestWays["plain"]?.(target, "/x") ?? expect.unreachable());
  await asked.promise;
  await test.proxy.useUpstream(upstreamSettings);
  failing.reject(new Error("no such name there"));
  expect(await asking).toBe("200");
});

it.each([
  ["the same policy again", "200"],
  ["a policy that refuses it", "403"],
] as const)("a stream of HTTP/2 between whose decision and sending comes %s", async (change, status) => {
  const modern = await startHttp2Upstream();
  const client = await http2Through(session, { target: `api.test:${modern.port}` });
  try {
    meanwhile = changes[change]?.make;
    const reply = await askHttp2(client, { ":path": "/x", ":authority": `api.test:${modern.port}` });
    expect(String(reply.status)).toBe(status);
    expect(modern.calls).toHaveLength(status === "200" ? 1 : 0);
  } finally {
    client.close();
    await modern[Symbol.asyncDispose]();
  }
});
