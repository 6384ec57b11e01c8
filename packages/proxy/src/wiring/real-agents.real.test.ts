import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";

import type { AuditEntry } from "../audit/audit-entry.ts";
import { createProxy } from "../create-proxy.ts";
import { createPolicyEngine } from "../policy/decide.ts";
import { shippedRules } from "../rules/shipped-rules.ts";
import { createModelTap } from "../tap/create-model-tap.ts";
import { promptHash } from "../tap/prompt-hash.ts";
import type { TapRecord } from "../tap/tap-event.ts";
import { sandboxWiring } from "./sandbox-wiring.ts";

const {
  CLAUDERON_TEST_AGENTS: programs = "",
  CLAUDERON_TEST_MODEL_URL: modelUrl = "",
  CLAUDERON_TEST_MODEL_KEY: key = "",
  CLAUDERON_REQUIRE: required = "",
} = process.env;

const run = promisify(execFile);
const PROMPT = "%say Working on it\n%run echo ok >> hello.txt\n%say Grüße";
const rules = shippedRules({});
const modelHosts = ["api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com"];

interface AgentRun {
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secret: string;
}

/** Headless, and quiet about what is not the model. */
const agents: Readonly<Record<"claude" | "codex" | "gemini", AgentRun>> = {
  claude: {
    argv: ["--print", "--permission-mode", "acceptEdits", "--allowedTools", "Bash", "--", PROMPT],
    environment: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" },
    secret: "anthropic",
  },
  codex: {
    argv: ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT],
    secret: "openai",
  },
  gemini: {
    argv: ["--skip-trust", "--approval-mode", "yolo", "--prompt", PROMPT],
    environment: { GEMINI_CLI_NO_RELAUNCH: "true" },
    secret: "gemini",
  },
};

describe.each(Object.keys(agents) as (keyof typeof agents)[])("the real %s through the proxy", (name) => {
  const isThere = existsSync(join(programs, name)) && modelUrl !== "";
  if (!isThere)
    process.stdout.write(
      `not run: the real ${name} through the proxy (CLAUDERON_TEST_AGENTS, CLAUDERON_TEST_MODEL_URL and _KEY say where it is)\n`,
    );
  const isRequired = required.split(/[\s,]+/).some((word) => word === name || word === "agents");

  (isThere || isRequired ? test : test.skip)(
    "asks its vendor's own host, with what the wiring gave it alone",
    async () => {
      const { argv, environment, secret } = agents[name];
      const secrets = new Set([secret]);
      const home = await mkdtemp(join(tmpdir(), "clauderon-agent-"));
      const records: TapRecord[] = [];
      const audit: AuditEntry[] = [];
      const { port: modelPort, hostname: host } = new URL(modelUrl);
      const gateway = { scheme: "http", host, port: Number(modelPort) } as const;
      const caBundlePath = join(home, "proxy-ca.pem");
      await using proxy = createProxy({
        authorityPath: join(home, "proxy", "authority.pem"),
        bundlePath: caBundlePath,
        policy: createPolicyEngine({ rules, secrets }),
        readSecret: async () => key,
        writeRecord: (entry) => {
          audit.push(entry);
        },
        observers: [createModelTap({ onRecord: (record) => records.push(record) }).createObserver],
        upstream: { overrides: new Map(modelHosts.map((modelHost) => [modelHost, gateway])) },
      });
      const { port } = await proxy.listen();
      const { token } = await proxy.identities.add({
        sessionId: "s1",
        sessionName: "fix",
        policy: { accessMode: "read-write", network: "listed", allow: [], deny: [], isIsolated: true },
      });
      const wiring = sandboxWiring({
        sessionId: "s1",
        proxyUrl: `http://s1:${token}@127.0.0.1:${port}`,
        caBundlePath,
        agent: name,
        rules,
        secrets,
        home: join(home, "home"),
        now: new Date().toISOString(),
      });
      for (const { path, content } of wiring.files) {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, content);
      }
      const work = join(home, "work");
      await run("git", ["init", "--quiet", work]);
      const running = run(join(programs, name), [...wiring.agentArguments, ...argv], {
        cwd: work,
        env: { ...wiring.environment, ...environment, PATH: process.env["PATH"], HOME: join(home, "home") },
        timeout: 120_000,
      });
      running.child.stdin?.end();
      const { stdout } = await running;
      expect(stdout).toContain("Grüße");
      expect(await readFile(join(work, "hello.txt"), "utf8")).toBe("ok\n");
      expect(records.map(({ event }) => event)).toContainEqual(
        expect.objectContaining({ type: "turn.started", promptHash: promptHash(PROMPT), isSideCall: false }),
      );
      const injected = audit.filter(({ decision }) => decision === "injected");
      expect(new Set(injected.map(({ host }) => host)).size).toBe(1);
      // Codex asks ChatGPT for models with the API key unless it is told not to.
      expect(audit.map(({ path }) => path)).not.toContain("/backend-api/codex/models");
      expect(JSON.stringify(wiring) + stdout + JSON.stringify(audit)).not.toContain(key);
      await rm(home, { recursive: true, force: true, maxRetries: 10 });
    },
  );
});
