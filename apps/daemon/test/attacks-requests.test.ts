import { once } from "node:events";

import { EXEC_PROTOCOL, STREAM_PROTOCOL, TTY_PROTOCOL } from "@clauderon/core/wire";
import { expect, test } from "vitest";

import { attackedDaemon, close, expectNoneThrough, json, upgrade, type Attack } from "./attack.ts";
import { head } from "./raw-http.ts";

const daemon = attackedDaemon();
const { host, token } = daemon;
const events = "GET /api/events";

/** Made when they run: the port is known only then. */
const attacks: readonly (() => readonly Attack[])[] = [
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
      request: () => head(`CONNECT 127.0.0.1:${daemon.rig.port}`, [host(), token()]),
      status: 503,
    },
    {
      id: "proxy",
      what: "absolute form of an API route",
      request: () => head(`GET http://127.0.0.1:${daemon.rig.port}/api/sessions`, [host(), token(), close]),
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
      request: () => head(`GET http://127.0.0.1:${daemon.rig.port}/api/events`, [host(), token(), ...upgrade]),
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
  expect(table.length).toBeGreaterThanOrEqual(16);
  await expectNoneThrough(daemon, table);
}, 120_000);

test("D18: a message that is too large ends its connection, and nobody else's", async () => {
  const { rig } = daemon;
  await using session = await rig.client.sessions.create(
    { repository: rig.repository, name: "pasted", agent: "fake" },
    { ephemeral: true },
  );
  for (const [route, protocol, megabytes] of [
    ["tty?client=a", TTY_PROTOCOL, 100],
    ["exec", EXEC_PROTOCOL, 9],
    ["output", STREAM_PROTOCOL, 9],
  ] as const) {
    const url = `ws://127.0.0.1:${rig.port}/api/sessions/${session.id}/${route}`;
    const headers = { authorization: `Bearer ${rig.token}` };
    const socket = new WebSocket(url, { protocols: [protocol], headers });
    const closed = once(socket, "close");
    await once(socket, "open");
    socket.send(new Uint8Array(megabytes * 1024 * 1024));
    const [end] = (await closed) as [CloseEvent];
    expect([route, end.code === 1000]).toEqual([route, false]);
    expect(await session.detail()).toMatchObject({ lifecycle: "running" });
  }
}, 120_000);
