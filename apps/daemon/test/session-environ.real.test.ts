import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

import { createClient } from "@clauderon/core";
import { scanBytes } from "@clauderon/core/testing";
import { knownSecrets } from "@clauderon/proxy";
import { describe, expect, test } from "vitest";

import { killProcess } from "./kill-process.ts";
import { ProxiedHome } from "./proxied-home.ts";
import { until } from "./until.ts";
import { zellijServers } from "./zellij-servers.ts";

const { CLAUDERON_TEST_ZELLIJ: zellij = "", CLAUDERON_REQUIRE: required = "" } = process.env;
const isThere = existsSync(zellij);
if (!isThere)
  process.stdout.write(
    "not run: the environments of processes of zellij sessions (CLAUDERON_TEST_ZELLIJ names no program)\n",
  );
const isRequired = required.split(/[\s,]+/u).includes("zellij");

/** The credentials that a rule puts in here, one of them the user's own; what no rule knows a session has from its user. */
const ruled = new Set(["anthropic", "claude-oauth", "openai", "gemini", "github", "pypi", "pagerduty"]);
const rule =
  '\n[[rules]]\nid = "pagerduty"\nhost = "api.pagerduty.com"\nsecret = "pagerduty"\ninject = { header = "Authorization" }\n';
/** In each variable that they are known to be kept in. */
const canaries = Object.fromEntries(
  knownSecrets
    .filter(({ name }) => ruled.has(name))
    .flatMap(({ variables }) => variables)
    .map((name) => [name, `CANARY-${name}-91ce40`]),
);

/** What of the daemon's variables can be read in processes of the home, by what the process is. */
function readableIn(
  home: ProxiedHome,
  socketDirectory: string,
): { readonly looked: string[]; readonly found: string[] } {
  const looked: string[] = [];
  const found: string[] = [];
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/u.test(entry))) {
    if (Number(name) === home.daemonProcess || Number(name) === process.pid) continue;
    try {
      const environment = readFileSync(`/proc/${name}/environ`);
      const command = readFileSync(`/proc/${name}/cmdline`);
      const isOurs = [environment, command].some((text) => text.includes(home.root) || text.includes(socketDirectory));
      // It starts programs for the daemon, with the daemon's environment, and is no part of a session.
      if (!isOurs || command.includes("command-helper")) continue;
      const words = command.toString().replaceAll("\0", " ").trim();
      looked.push(words);
      for (const [variable, value] of Object.entries(canaries))
        if (scanBytes(environment, value).length > 0 || scanBytes(command, value).length > 0)
          found.push(`${variable} in ${words.slice(0, 120)}`);
    } catch {
      // It has ended meanwhile.
    }
  }
  return { looked, found };
}

const backends = [
  { backend: "local", runs: true },
  { backend: "zellij", runs: isThere || isRequired },
];

describe.each(backends)("a session on $backend", ({ backend, runs }) => {
  (runs ? test : test.skip)(
    "none of its processes, nor of those above it, has a credential of the daemon's or the caller's environment",
    { timeout: 240_000 },
    async () => {
      await using home = await ProxiedHome.open();
      const sockets = mkdtempSync("/tmp/ze-");
      try {
        home.configure();
        appendFileSync(path.join(home.home, "proxy.toml"), rule);
        const own = { PATH: `${path.dirname(zellij)}:${process.env["PATH"] ?? ""}`, ZELLIJ_SOCKET_DIR: sockets };
        mkdirSync(path.join(home.root, ".config/zellij"), { recursive: true });
        await home.run({ ...own, ...canaries });
        await using client = createClient({
          homeDirectory: home.home,
          // The user's shell has what the daemon's had.
          environment: { ...home.environment, ...own, ...canaries },
          startDaemon: false,
        });
        const session = await client.sessions.create({ name: "fix", repository: home.repository, backend });
        await until(async () => (await session.detail()).lifecycle === "running", "the session does not run", 60_000);
        const { stdout } = await session.exec(["env"]);
        expect(stdout).toContain("HTTPS_PROXY=");
        const { looked, found } = readableIn(home, sockets);
        expect(found).toEqual([]);
        expect(stdout).not.toContain("CANARY");
        // What keeps the session is among what was looked at.
        expect(looked.join("\n")).toMatch(/clauderon-host/u);
        if (backend === "zellij") expect(looked.join("\n")).toMatch(/zellij.*--server/u);
        // The search can find: the daemon's own environment, which is the user's, has them.
        expect(readFileSync(`/proc/${home.daemonProcess}/environ`, "latin1")).toContain("CANARY-GITHUB_TOKEN");
        await session.delete({ discard: true });
        await until(async () => zellijServers(sockets).length === 0, "the zellij session does not end", 60_000);
      } finally {
        for (const { pid } of zellijServers(sockets)) killProcess(pid);
        rmSync(sockets, { recursive: true, force: true });
      }
    },
  );
});
