import { expect, test } from "vitest";

import { attackedDaemon, close, expectNoneThrough, type Attack, type Header } from "./attack.ts";
import { head, rawRequest } from "./raw-http.ts";

const daemon = attackedDaemon();
const { host, token } = daemon;

/** Made when they run: the port is known only then. */
const attacks: readonly (() => readonly Attack[])[] = [
  () =>
    (
      [
        ["no token", []],
        ["an empty header", [["Authorization", ""]]],
        ["Bearer without a token", [["Authorization", "Bearer"]]],
        ["a wrong token", [["Authorization", `Bearer ${"A".repeat(43)}`]]],
        ["the token cut short", [["Authorization", `Bearer ${daemon.rig.token.slice(0, -1)}`]]],
        ["the token and more", [["Authorization", `Bearer ${daemon.rig.token}x`]]],
        ["the token as Basic", [["Authorization", `Basic ${Buffer.from(`a:${daemon.rig.token}`).toString("base64")}`]]],
        ["lower-case bearer", [["Authorization", `bearer ${daemon.rig.token}`]]],
        ["the bare token", [["Authorization", daemon.rig.token]]],
        ["two headers, ours last", [["Authorization", "Bearer no"], token()]],
        ["two headers, ours first", [token(), ["Authorization", "Bearer no"]]],
        ["the token in a cookie", [["Cookie", `token=${daemon.rig.token}; Authorization=Bearer ${daemon.rig.token}`]]],
        ["the token as a proxy's", [["Proxy-Authorization", `Bearer ${daemon.rig.token}`]]],
        ["the token in X-Api-Key", [["X-Api-Key", daemon.rig.token]]],
      ] satisfies readonly (readonly [string, readonly Header[]])[]
    ).flatMap(([what, headers]): readonly Attack[] => [
      { id: "D04", what, request: () => head("GET /api/sessions", [host(), ...headers, close]), status: 401 },
    ]),
  () => [
    ...["token", "access_token", "key"].map((name): Attack => ({
      id: "D04",
      what: `the token in the URL as ${name}`,
      request: () => head(`GET /api/sessions?${name}=${daemon.rig.token}`, [host(), close]),
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
        ["X-Forwarded-Host", `127.0.0.1:${daemon.rig.port}`],
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
];

test("no attack gets through", async () => {
  const table = attacks.flatMap((make) => make());
  expect(table.length).toBeGreaterThanOrEqual(35);
  await expectNoneThrough(daemon, table);
}, 120_000);

test("refusals say what to do, and are readable", async () => {
  const unauthenticated = await rawRequest(head("GET /api/sessions", [host(), close]), { port: daemon.rig.port });
  expect(unauthenticated.text).toContain('curl -H \\"$(clauderon url --header)\\" http://127.0.0.1:');
  expect(unauthenticated.text.toLowerCase()).toContain("x-content-type-options: nosniff");
  expect(unauthenticated.text).toContain("frame-ancestors 'none'");
  const connected = await rawRequest(head("CONNECT a.example:443", []), { port: daemon.rig.port });
  expect(connected.text).toContain("This port answers no proxy requests");
});
