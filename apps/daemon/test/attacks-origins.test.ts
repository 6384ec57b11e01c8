import { expect, test } from "vitest";

import { attackedDaemon, close, expectNoneThrough, json, upgrade, type Attack } from "./attack.ts";
import { head } from "./raw-http.ts";

const daemon = attackedDaemon();
const { host, token } = daemon;
const events = "GET /api/events";
const create = (): string => JSON.stringify({ repository: daemon.rig.repository, name: "attacked", agent: "fake" });

const wrongHosts = (): readonly string[] => [
  "evil.example",
  `evil.example:${daemon.rig.port}`,
  `127.0.0.1.evil.com:${daemon.rig.port}`,
  `localhost.evil.com:${daemon.rig.port}`,
  `evil.com#127.0.0.1:${daemon.rig.port}`,
  "127.0.0.1",
  "localhost",
  `127.0.0.1:${daemon.rig.port + 1}`,
  `127.1:${daemon.rig.port}`,
  `0.0.0.0:${daemon.rig.port}`,
  `2130706433:${daemon.rig.port}`,
  `[::]:${daemon.rig.port}`,
  `[::ffff:127.0.0.1]:${daemon.rig.port}`,
  `localhost.:${daemon.rig.port}`,
  `LOCALHOST:${daemon.rig.port}`,
  `user@127.0.0.1:${daemon.rig.port}`,
];
const wrongOrigins = (): readonly string[] => [
  "null",
  "https://evil.example",
  `https://127.0.0.1:${daemon.rig.port}`,
  `http://127.0.0.1:${daemon.rig.port + 1}`,
  "http://localhost:3000",
  "http://127.0.0.1",
  `http://127.0.0.1:${daemon.rig.port}.evil.example`,
  `http://evil.example:${daemon.rig.port}`,
  `http://localhost:${daemon.rig.port}`,
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
      request: () => `GET /api/sessions HTTP/1.0\r\nAuthorization: Bearer ${daemon.rig.token}\r\n\r\n`,
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
          ["Origin", `http://127.0.0.1:${daemon.rig.port}`],
          ["Origin", "https://evil.example"],
          ...upgrade,
        ]),
      status: 403,
    },
    {
      id: "D03",
      what: "the token as a subprotocol",
      request: () => head(events, [host(), ["Sec-WebSocket-Protocol", `bearer, ${daemon.rig.token}`], ...upgrade]),
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
];

test("no attack gets through", async () => {
  const table = attacks.flatMap((make) => make());
  expect(table.length).toBeGreaterThanOrEqual(84);
  await expectNoneThrough(daemon, table);
}, 120_000);
