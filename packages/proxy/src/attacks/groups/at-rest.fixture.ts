import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { parseJson } from "@clauderon/core/host";
import { scanBytes } from "@clauderon/core/testing";

import type { AuditRecord } from "../../audit/audit-entry.ts";
import type { AttackGroup, ScenarioCase } from "../harness/attack-case.fixture.ts";
import { startAttackWorld, type AttackWorld } from "../harness/attack-world.fixture.ts";
import { canaries } from "../harness/planted-secrets.fixture.ts";
import { runCase } from "../harness/run-case.fixture.ts";

async function filesOf(home: string): Promise<readonly string[]> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  return entries.map(({ parentPath, name }) => join(parentPath, name));
}

const published = /proxy-ca\.(?:pem|p12)$/u;

/** Who but the user may open anything of a home; the certificates that clients trust are everybody's. */
async function openFiles(home: string): Promise<string | undefined> {
  const open: string[] = [];
  for (const path of await filesOf(home)) {
    const { mode } = await stat(path);
    const isTold = published.test(path) || path.endsWith("proxy.toml");
    if (!isTold && (mode & 0o077) !== 0) open.push(`${path} ${(mode & 0o777).toString(8)}`);
  }
  return open.length === 0 ? undefined : open.join(", ");
}

/** Where a canary stands among some named bytes. */
function findings(places: ReadonlyMap<string, Buffer>): string | undefined {
  const found = [...places].flatMap(([place, bytes]) =>
    Object.entries(canaries).flatMap(([name, secret]) =>
      scanBytes(bytes, secret).map((encoding) => `${name} in ${place} (${encoding})`),
    ),
  );
  return found.length === 0 ? undefined : found.join(", ");
}

async function readAudit(world: AttackWorld): Promise<string> {
  return readFile(join(world.home, "audit.jsonl"), "utf8");
}

/** The audit's lines once the condition holds: they are written within a second. */
async function auditWith(
  world: AttackWorld,
  condition: (records: readonly AuditRecord[]) => boolean,
): Promise<readonly AuditRecord[]> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const text = await readAudit(world);
    const lines = text.slice(0, text.lastIndexOf("\n")).split("\n");
    const records = lines.map((line) => parseJson(line, "the audit") as AuditRecord);
    if (condition(records) || performance.now() > deadline) return records;
    await new Promise((fulfil) => setTimeout(fulfil, 20));
  }
}

const countAllowed = (records: readonly AuditRecord[], path: string): number =>
  new Set(
    records
      .filter((record) => record.path.startsWith(path) && record.decision === "injected")
      .map((record) => record.correlation_id),
  ).size;

const files: readonly ScenarioCase[] = [
  { what: "no file of a home can be opened by others", run: async (world) => openFiles(world.home) },
  {
    what: "neither when the umask takes nothing away, nor after a new authority",
    run: async () => {
      const before = process.umask(0);
      try {
        await using other = await startAttackWorld();
        await other.client.call("rotateAuthority", {});
        await runCase({ what: "", way: "connect", target: "evil.test:443", sees: "403" }, other);
        return await openFiles(other.home);
      } finally {
        process.umask(before);
      }
    },
  },
  {
    what: "the authority's key stands in its own file alone",
    run: async (world) => {
      const key = /-----BEGIN (?:EC )?PRIVATE KEY-----\n(?<line>[^\n]{40,})/u.exec(
        await readFile(join(world.home, "proxy", "authority.pem"), "utf8"),
      )?.groups?.["line"];
      if (key === undefined) return "no key was found";
      for (const path of await filesOf(world.home)) {
        if (path.endsWith("authority.pem") || !(await stat(path)).isFile()) continue;
        if ((await readFile(path)).includes(key)) return path;
      }
      return undefined;
    },
  },
];

const leaks: readonly ScenarioCase[] = [
  {
    what: "environment and arguments of the proxy's process",
    run: async ({ processId }) =>
      findings(
        new Map([
          ["environ", await readFile(`/proc/${processId}/environ`)],
          ["cmdline", await readFile(`/proc/${processId}/cmdline`)],
        ]),
      ),
  },
  {
    what: "every file of the home but those of the secrets: audit, log, state, certificates",
    run: async (world) => {
      const places = new Map<string, Buffer>();
      for (const path of await filesOf(world.home)) {
        const isFile = (await stat(path)).isFile();
        if (isFile && !path.includes("/secrets/")) places.set(path, await readFile(path));
      }
      return places.size < 4 ? "too few files" : findings(places);
    },
  },
  {
    what: "what the control socket answers",
    run: async ({ client }) => {
      const answers = [
        await client.call("status", {}),
        await client.call("wiring", {}),
        await client.call("reload", {}),
        await client.call("spending", { sessionId: "listed" }),
        await client.call("limit", { sessionId: "nobody" }).catch((error: unknown) => String((error as Error).stack)),
      ];
      return findings(new Map([["answers", Buffer.from(JSON.stringify(answers))]]));
    },
  },
  {
    what: "the sessions' own tokens in the files of the home",
    run: async (world) => {
      const token =
        Buffer.from(world.subject.authorization("listed").slice(6), "base64").toString().split(":")[1] ?? "";
      for (const path of await filesOf(world.home)) {
        if (!(await stat(path)).isFile()) continue;
        const found = scanBytes(await readFile(path), token);
        if (found.length > 0) return `${path} (${found.join()})`;
      }
      return token.length < 40 ? "the token is short" : undefined;
    },
  },
];

const audit: readonly ScenarioCase[] = [
  {
    what: "25 requests that arrive have a line each, and each line's request arrived",
    run: async (world) => {
      world.upstreams.clear();
      for (let index = 0; index < 25; index += 1)
        await runCase(
          {
            what: "",
            way: "tunnel",
            send: `GET /counted/${index} HTTP/1.1\r\nHost: TARGET\r\n\r\n`,
            never: /(?!)/u,
            sees: "200",
          },
          world,
        );
      const records = await auditWith(world, (all) => countAllowed(all, "/counted/") >= 25);
      const count = countAllowed(records, "/counted/");
      return count === 25 ? undefined : `${count} lines`;
    },
  },
  {
    what: "25 attempts that are refused have a line each, with the reason",
    run: async (world) => {
      for (let index = 0; index < 25; index += 1)
        await runCase(
          { what: "", way: "connect", session: "listed", target: `refused-${index}.test:443`, sees: "403" },
          world,
        );
      const refused = (all: readonly AuditRecord[]): number =>
        all.filter(
          ({ service, reason, decision }) =>
            service.startsWith("refused-") && decision === "blocked" && reason === "host-not-allowed",
        ).length;
      const count = refused(await auditWith(world, (all) => refused(all) >= 25));
      return count === 25 ? undefined : `${count} lines`;
    },
  },
];

const injected = [
  "/a%0a%7b%22decision%22:%22allowed%22%7d",
  "/%1b%5b2J%1b%5b31m",
  "/%e2%80%a8%e2%80%ae",
  `/long/${"a".repeat(7000)}`,
  '/"},{"a":"',
  "/?token=attacker-secret&x=%0a%0d",
  "/%c2%9b31m",
];

const injections: readonly ScenarioCase[] = injected.map((path) => ({
  what: `the path ${JSON.stringify(path.slice(0, 40))}`,
  run: async (world) => {
    const before = (await readAudit(world)).length;
    await runCase(
      {
        what: "",
        way: "tunnel",
        send: `GET ${path} HTTP/1.1\r\nHost: TARGET\r\nUser-Agent: \u009b31m\r\n\r\n`,
        never: /(?!)/u,
        sees: /./u,
      },
      world,
    );
    await auditWith(world, (all) => JSON.stringify(all).length > before);
    const text = (await readAudit(world)).slice(before);
    if (!/^[\n -~]*$/u.test(text)) return "a line holds more than printable ASCII";
    if (text.includes("attacker-secret")) return "a value of the query stands in a line";
    const tooLong = text.split("\n").find((line) => line.length > 8000);
    return tooLong === undefined ? undefined : "a line is longer than 8,000 characters";
  },
}));

const alone = "it is about the proxy's own files";

/** What stays behind. */
export const atRestGroups: readonly AttackGroup[] = [
  {
    id: "P60",
    title: "files",
    rule: "Directories 0700, files 0600 under any umask; the authority's key is in one file.",
    source: "Claude Code CVE-2026-46406; gondolin and http-mitm-proxy write keys with the default mode",
    alone,
    cases: files,
  },
  {
    id: "P61",
    title: "canaries",
    rule: "After all of these attacks no credential stands in a log, the audit, the state, an environment, an argument or an answer.",
    source: "OpenShell OS-18, EasyBuild CVE-2020-5262, WorkOS CVE-2024-51753",
    alone,
    cases: leaks,
  },
  {
    id: "P62",
    title: "the audit is whole",
    rule: "A line before the first byte goes up; a line for each refusal. What the disk does to it: audit.test.ts.",
    source: "CWE-778",
    alone,
    cases: audit,
  },
  {
    id: "P63",
    title: "the audit is not written by clients",
    rule: "One decision is one line of printable ASCII, whatever the client sent.",
    source: "log injection (CWE-117); nono sanitises reasons",
    alone,
    cases: injections,
  },
];
