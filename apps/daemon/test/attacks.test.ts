import { symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { openRig, type DaemonRig } from "./daemon-rig.ts";
import { head, rawRequest } from "./raw-http.ts";

let rig: DaemonRig;
beforeAll(async () => {
  rig = await openRig();
});
afterAll(() => rig.close());

type Header = readonly [string, string];

interface Attack {
  readonly id: string;
  readonly what: string;
  /** The bytes that are sent. */
  request(): string;
  readonly status: number | readonly number[];
}

const host = (): Header => ["Host", `127.0.0.1:${rig.port}`];
const token = (): Header => ["Authorization", `Bearer ${rig.token}`];
const json: Header = ["Content-Type", "application/json"];
const close: Header = ["Connection", "close"];
const upgrade: readonly Header[] = [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
];
const events = "GET /api/events";
const create = (): string => JSON.stringify({ repository: rig.repository, name: "attacked", agent: "fake" });

const wrongHosts = (): readonly string[] => [
  "evil.example",
  `evil.example:${rig.port}`,
  `127.0.0.1.evil.com:${rig.port}`,
  `localhost.evil.com:${rig.port}`,
  `evil.com#127.0.0.1:${rig.port}`,
  "127.0.0.1",
  "localhost",
  `127.0.0.1:${rig.port + 1}`,
  `127.1:${rig.port}`,
  `0.0.0.0:${rig.port}`,
  `2130706433:${rig.port}`,
  `[::]:${rig.port}`,
  `[::ffff:127.0.0.1]:${rig.port}`,
  `localhost.:${rig.port}`,
  `LOCALHOST:${rig.port}`,
  `user@127.0.0.1:${rig.port}`,
];
const wrongOrigins = (): readonly string[] => [
  "null",
  "https://evil.example",
  `https://127.0.0.1:${rig.port}`,
  `http://127.0.0.1:${rig.port + 1}`,
  "http://localhost:3000",
  "http://127.0.0.1",
  `http://127.0.0.1:${rig.port}.evil.example`,
  `http://evil.example:${rig.port}`,
  `http://localhost:${rig.port}`,
  "file://",
  "vscode-webview://abc",
];

/** Made when they run: the port is known only then. */
const attacks: readonly (() => readonly Attack[])[] = [
  () =>
    wrongHosts().flatMap((name): readonly Attack[] => [
      {
        id: "D01",
        what: `Host ${name} on a request`,
        request: () => head("GET /api/sessions", [["Host", name], token(), close]),
        status: 403,
      },
      {
        id: "D01",
        what: `Host ${name} on an upgrade`,
        request: () => head(events, [["Host", name], token(), ...upgrade]),
        status: 403,
      },
    ]),
  () => [
    {
      id: "D01",
      what: "no Host (HTTP/1.1)",
      request: () => head("GET /api/sessions", [token(), close]),
      status: 400,
    },
    {
      id: "D01",
      what: "no Host (HTTP/1.0)",
      request: () => `GET /api/sessions HTTP/1.0\r\nAuthorization: Bearer ${rig.token}\r\n\r\n`,
      status: 403,
    },
    {
      id: "D01",
      what: "two Hosts, ours first",
      request: () => head("GET /api/sessions", [host(), ["Host", "evil.example"], token(), close]),
      status: [400, 403],
    },
    {
      id: "D01",
      what: "foreign Host on the public route",
      request: () => head("GET /healthz", [["Host", "evil.example"], close]),
      status: 403,
    },
  ],
  () =>
    wrongOrigins().flatMap((origin): readonly Attack[] => [
      {
        id: "D02",
        what: `POST from ${origin}`,
        request: () => head("POST /api/sessions", [host(), token(), json, ["Origin", origin], close], create()),
        status: 403,
      },
      {
        id: "D02",
        what: `GET from ${origin}`,
        request: () => head("GET /api/sessions", [host(), token(), ["Origin", origin], close]),
        status: 403,
      },
      {
        id: "D03",
        what: `upgrade from ${origin}`,
        request: () => head(events, [host(), token(), ["Origin", origin], ...upgrade]),
        status: 403,
      },
    ]),
  () => [
    {
      id: "D02",
      what: "form POST without a token",
      request: () =>
        head(
          "POST /api/sessions",
          [host(), ["Content-Type", "application/x-www-form-urlencoded"], close],
          "repository=/",
        ),
      status: 401,
    },
    {
      id: "D02",
      what: "form POST with a token",
      request: () =>
        head(
          "POST /api/sessions",
          [host(), token(), ["Content-Type", "application/x-www-form-urlencoded"], close],
          "repository=/",
        ),
      status: [400, 415],
    },
    {
      id: "D02",
      what: "JSON as text/plain (sendBeacon)",
      request: () => head("POST /api/sessions", [host(), token(), ["Content-Type", "text/plain"], close], create()),
      status: [400, 415],
    },
    {
      id: "D02",
      what: "JSON without a content type",
      request: () => head("POST /api/sessions", [host(), token(), close], create()),
      status: [400, 415],
    },
    {
      id: "D02",
      what: "method override",
      request: () => head("POST /api/sessions/x", [host(), token(), ["X-HTTP-Method-Override", "DELETE"], close], ""),
      status: 404,
    },
    {
      id: "D02",
      what: "image GET of another site",
      request: () => head("GET /api/sessions", [host(), token(), ["Sec-Fetch-Site", "cross-site"], close]),
      status: 403,
    },
    {
      id: "D02",
      what: "a page on another localhost port",
      request: () => head("GET /api/sessions", [host(), token(), ["Sec-Fetch-Site", "same-site"], close]),
      status: 403,
    },
    {
      id: "D02",
      what: "preflight",
      request: () =>
        head("OPTIONS /api/sessions", [
          host(),
          ["Origin", "https://evil.example"],
          ["Access-Control-Request-Method", "POST"],
          close,
        ]),
      status: 403,
    },
    {
      id: "D03",
      what: "two Origins, ours first",
      request: () =>
        head(events, [
          host(),
          token(),
          ["Origin", `http://127.0.0.1:${rig.port}`],
          ["Origin", "https://evil.example"],
          ...upgrade,
        ]),
      status: 403,
    },
    {
      id: "D03",
      what: "the token as a subprotocol",
      request: () => head(events, [host(), ["Sec-WebSocket-Protocol", `bearer, ${rig.token}`], ...upgrade]),
      status: 401,
    },
    {
      id: "D03",
      what: "terminal without its subprotocol",
      request: () => head("GET /api/sessions/x/tty?client=a", [host(), token(), ...upgrade]),
      status: 400,
    },
    {
      id: "D03",
      what: "terminal with another subprotocol",
      request: () =>
        head("GET /api/sessions/x/tty?client=a", [
          host(),
          token(),
          ["Sec-WebSocket-Protocol", "clauderon.exec.v1"],
          ...upgrade,
        ]),
      status: 400,
    },
    {
      id: "D03",
      what: "upgrade without a token",
      request: () => head(events, [host(), ...upgrade]),
      status: 401,
    },
    {
      id: "D03",
      what: "upgrade of a route that has none",
      request: () => head("GET /api/sessions", [host(), token(), ...upgrade]),
      status: 404,
    },
    {
      id: "D03",
      what: "upgrade of the public route",
      request: () => head("GET /healthz", [host(), ...upgrade]),
      status: 404,
    },
  ],
  () =>
    (
      [
        ["no token", []],
        ["an empty header", [["Authorization", ""]]],
        ["Bearer without a token", [["Authorization", "Bearer"]]],
        ["a wrong token", [["Authorization", `Bearer ${"A".repeat(43)}`]]],
        ["the token cut short", [["Authorization", `Bearer ${rig.token.slice(0, -1)}`]]],
        ["the token and more", [["Authorization", `Bearer ${rig.token}x`]]],
        ["the token as Basic", [["Authorization", `Basic ${Buffer.from(`a:${rig.token}`).toString("base64")}`]]],
        ["lower-case bearer", [["Authorization", `bearer ${rig.token}`]]],
        ["the bare token", [["Authorization", rig.token]]],
        ["two headers, ours last", [["Authorization", "Bearer no"], token()]],
        ["two headers, ours first", [token(), ["Authorization", "Bearer no"]]],
        ["the token in a cookie", [["Cookie", `token=${rig.token}; Authorization=Bearer ${rig.token}`]]],
        ["the token as a proxy's", [["Proxy-Authorization", `Bearer ${rig.token}`]]],
        ["the token in X-Api-Key", [["X-Api-Key", rig.token]]],
      ] satisfies readonly (readonly [string, readonly Header[]])[]
    ).flatMap(([what, headers]): readonly Attack[] => [
      { id: "D04", what, request: () => head("GET /api/sessions", [host(), ...headers, close]), status: 401 },
    ]),
  () => [
    ...["token", "access_token", "key"].map((name): Attack => ({
      id: "D04",
      what: `the token in the URL as ${name}`,
      request: () => head(`GET /api/sessions?${name}=${rig.token}`, [host(), close]),
      status: 401,
    })),
    ...["/openapi.json", "/api/daemon", "/api/backends", "/api/events", "/", "/api/creations/x", "/healthz/"].map(
      (target): Attack => ({
        id: "D04",
        what: `${target} without a token`,
        request: () => head(`GET ${target}`, [host(), close]),
        status: 401,
      }),
    ),
    {
      id: "D05",
      what: "another daemon in the query",
      request: () => head("GET /?url=http://evil.example&gatewayUrl=ws://evil.example", [host(), token(), close]),
      status: 404,
    },
  ],
  () =>
    (
      [
        ["X-Forwarded-For", "127.0.0.1"],
        ["X-Real-IP", "127.0.0.1"],
        ["Forwarded", "for=127.0.0.1;host=127.0.0.1"],
        ["X-Forwarded-Host", `127.0.0.1:${rig.port}`],
        ["X-Forwarded-User", "root"],
      ] satisfies readonly Header[]
    ).flatMap((header): readonly Attack[] => [
      {
        id: "D09",
        what: `${header[0]} instead of a token`,
        request: () => head("GET /api/sessions", [host(), header, close]),
        status: 401,
      },
      {
        id: "D09",
        what: `${header[0]} with a foreign Host`,
        request: () => head("GET /api/sessions", [["Host", "evil.example"], token(), header, close]),
        status: 403,
      },
    ]),
  () =>
    [
      "../../etc",
      "a/b",
      "/etc/passwd",
      "..",
      ".",
      "",
      "a\\..\\b",
      "a\u0000b",
      "x".repeat(256),
      "․․",
      "CON:",
      "-rf",
      "--upload-pack=touch canary",
      "a b",
      "a\nb",
      "😀",
      "$(touch canary)",
    ].map((name): Attack => ({
      id: name.startsWith("-") ? "D11" : "D10",
      what: `session called ${JSON.stringify(name.slice(0, 30))}`,
      request: () =>
        head(
          "POST /api/sessions",
          [host(), token(), json, close],
          JSON.stringify({ repository: rig.repository, name, agent: "fake" }),
        ),
      status: 400,
    })),
  () =>
    [
      "/api/sessions/..%2f..%2fetc%2fpasswd",
      "/api/sessions/%2e%2e",
      "/api/sessions/x%00y",
      "/api/../../etc/passwd",
      "/api/sessions/%c0%ae%c0%ae",
    ].map((target): Attack => ({
      id: "D10",
      what: target,
      request: () => head(`GET ${target}`, [host(), token(), close]),
      status: [400, 404],
    })),
  () =>
    (
      [
        ["repository", "--upload-pack=touch canary"],
        ["repository", "-oProxyCommand=touch canary"],
        ["repository", "ext::sh -c touch% canary"],
        ["repository", "ssh://-oProxyCommand=touch/x"],
        ["repository", "file:///etc"],
        ["repository", "https://example.invalid/a\nhost=evil.example"],
        ["repository", "https://example.invalid/a%0ahost=evil.example"],
        ["repository", "https://example.invalid/a%0d%0aX: y"],
        ["repository", "https://example.invalid/a\u0000b"],
        ["base", "--output=canary"],
        ["base", "-c core.hooksPath=x"],
        ["branch", "--force"],
        ["branch", "-D main"],
        ["backend", "--privileged"],
        ["image", "--privileged"],
        ["agent", "--version"],
      ] as const
    ).map(([field, value]): Attack => ({
      id: value.includes("\n") || value.includes("%0") || value.includes("\u0000") ? "D12" : "D11",
      what: `${field} ${JSON.stringify(value)}`,
      request: () => {
        const request = { repository: rig.repository, name: "injected", agent: "fake", [field]: value };
        return head("POST /api/sessions", [host(), token(), json, close], JSON.stringify(request));
      },
      status: [400, 409, 422, 500],
    })),
  () => [
    {
      id: "D18",
      what: "a body said to be 100 MB",
      request: () => head("POST /api/sessions", [host(), token(), json, ["Content-Length", "100000000"], close]),
      status: 413,
    },
    {
      id: "D18",
      what: "a chunked body",
      request: () =>
        `${head("POST /api/sessions", [host(), token(), json, ["Transfer-Encoding", "chunked"], close])}5\r\nhello\r\n0\r\n\r\n`,
      status: 411,
    },
    {
      id: "D18",
      what: "two lengths",
      request: () =>
        head(
          "POST /api/sessions",
          [host(), token(), json, ["Content-Length", "5"], ["Content-Length", "6"], close],
          "",
        ),
      status: 400,
    },
    {
      id: "D18",
      what: "headers without end",
      request: () => head("GET /api/sessions", [host(), token(), ["X-Large", "x".repeat(40_000)], close]),
      status: [400, 431],
    },
    {
      id: "D18",
      what: "upgrade to something else",
      request: () => head(events, [host(), token(), ["Connection", "Upgrade"], ["Upgrade", "h2c"]]),
      status: 400,
    },
    {
      id: "D18",
      what: "upgrade without a key",
      request: () =>
        head(events, [
          host(),
          token(),
          ["Connection", "Upgrade"],
          ["Upgrade", "websocket"],
          ["Sec-WebSocket-Version", "13"],
        ]),
      status: 400,
    },
    {
      id: "D18",
      what: "upgrade of another version",
      request: () =>
        head(events, [
          host(),
          token(),
          ["Connection", "Upgrade"],
          ["Upgrade", "websocket"],
          ["Sec-WebSocket-Version", "7"],
          ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
        ]),
      status: [400, 426],
    },
    {
      id: "D18",
      what: "upgrade by POST",
      request: () => head("POST /api/events", [host(), token(), ...upgrade]),
      status: [400, 405],
    },
    {
      id: "D18",
      what: "no HTTP at all",
      request: () => "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001 TLS\r\n\r\n",
      status: 400,
    },
    {
      id: "proxy",
      what: "CONNECT",
      request: () => head("CONNECT evil.example:443", [["Host", "evil.example:443"], token()]),
      status: 503,
    },
    {
      id: "proxy",
      what: "CONNECT to ourselves",
      request: () => head(`CONNECT 127.0.0.1:${rig.port}`, [host(), token()]),
      status: 503,
    },
    {
      id: "proxy",
      what: "absolute form of an API route",
      request: () => head(`GET http://127.0.0.1:${rig.port}/api/sessions`, [host(), token(), close]),
      status: 503,
    },
    {
      id: "proxy",
      what: "absolute form of another host",
      request: () => head("GET http://evil.example/", [host(), token(), close]),
      status: 503,
    },
    {
      id: "proxy",
      what: "absolute form upgrade",
      request: () => head(`GET http://127.0.0.1:${rig.port}/api/events`, [host(), token(), ...upgrade]),
      status: 503,
    },
    {
      id: "proxy",
      what: "OPTIONS *",
      request: () => head("OPTIONS *", [host(), token(), close]),
      status: 503,
    },
    {
      id: "proxy",
      what: "a target of two slashes",
      request: () => head("GET //evil.example/api/sessions", [host(), token(), close]),
      status: 400,
    },
  ],
];

test("no attack gets through", async () => {
  const table = attacks.flatMap((make) => make());
  const through: string[] = [];
  const counts = new Map<string, number>();
  for (const attack of table) {
    const answer = await rawRequest(attack.request(), { port: rig.port });
    const expected: readonly number[] = typeof attack.status === "number" ? [attack.status] : attack.status;
    const problems = [
      ...(expected.includes(answer.status) ? [] : [`answered ${answer.status}`]),
      ...(answer.isClosed ? [] : ["kept the socket"]),
      ...(/access-control-allow/i.test(answer.text) ? ["sent CORS headers"] : []),
      ...(answer.text.includes(rig.token) ? ["told the token"] : []),
    ];
    if (problems.length > 0) through.push(`${attack.id} ${attack.what}: ${problems.join(", ")}`);
    counts.set(attack.id, (counts.get(attack.id) ?? 0) + 1);
  }
  expect(through).toEqual([]);
  expect(table.length).toBeGreaterThanOrEqual(60);
  expect(await rig.client.sessions.list()).toEqual([]);
  // The table in numbers is part of the evidence.
  process.stdout
    .write(`${table.length} attacks, 0 through: ${[...counts].map(([id, count]) => `${id} ${count}`).join(", ")}
`);
}, 60_000);

test("refusals say what to do, and are readable", async () => {
  const unauthenticated = await rawRequest(head("GET /api/sessions", [host(), close]), { port: rig.port });
  expect(unauthenticated.text).toContain('curl -H \\"$(clauderon url --header)\\" http://127.0.0.1:');
  expect(unauthenticated.text.toLowerCase()).toContain("x-content-type-options: nosniff");
  expect(unauthenticated.text).toContain("frame-ancestors 'none'");
  const connected = await rawRequest(head("CONNECT a.example:443", []), { port: rig.port });
  expect(connected.text).toContain("This port answers no proxy requests");
});

describe("D06: only loopback listens", () => {
  test("no other address of this machine answers", async () => {
    const others = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter((entry) => !entry.internal)
      .map((entry) => (entry.family === "IPv6" && entry.scopeid !== 0 ? undefined : entry.address))
      .filter((address) => address !== undefined);
    for (const address of [...others, "127.0.0.2"]) {
      expect([address, await isListening(address, rig.port)]).toEqual([address, false]);
    }
    expect(await isListening("127.0.0.1", rig.port)).toBe(true);
  });
});

describe("D17: names that somebody else made first", () => {
  test("a token that is a link is refused, and its target is not touched", async () => {
    const { readOrCreateToken } = await import("../src/security/token-file.ts");
    const { silentLogger } = await import("@clauderon/core/contract");
    const { mkdtempSync, readFileSync } = await import("node:fs");
    const home = mkdtempSync(path.join(rig.root, "home-"));
    const target = path.join(home, "target");
    writeFileSync(target, "precious");
    symlinkSync(target, path.join(home, "token"));
    await expect(readOrCreateToken(home, silentLogger)).rejects.toMatchObject({ code: "path.refused" });
    expect(readFileSync(target, "utf8")).toBe("precious");
  });
});

function isListening(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    socket.setTimeout(2000, () => socket.destroy());
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
  });
}
