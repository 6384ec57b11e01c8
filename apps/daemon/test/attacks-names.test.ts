import { readdirSync } from "node:fs";

import { expect, test } from "vitest";

import { attackedDaemon, close, expectNoneThrough, json, type Attack } from "./attack.ts";
import { head } from "./raw-http.ts";

const daemon = attackedDaemon();
const { host, token } = daemon;

/** Made when they run: the port is known only then. */
const attacks: readonly (() => readonly Attack[])[] = [
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
          JSON.stringify({ repository: daemon.rig.repository, name, agent: "fake" }),
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
];

test("no attack gets through", async () => {
  const table = attacks.flatMap((make) => make());
  const places = (): readonly string[] => [
    ...readdirSync(daemon.rig.root),
    ...readdirSync(daemon.rig.repository, { recursive: true, encoding: "utf8" }),
    ...readdirSync(daemon.rig.home).filter((name) => !name.startsWith("db.sqlite")),
  ];
  const before = places();
  expect(table.length).toBeGreaterThanOrEqual(22);
  await expectNoneThrough(daemon, table);
  expect(places()).toEqual(before);
}, 120_000);
