import type { ChildProcess } from "node:child_process";
import { appendFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { startProxyProcess } from "@clauderon/proxy";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { Installation } from "./installation.ts";
import { noCredentials, Vendor } from "./proxy-world.ts";
import { refused } from "./refused.ts";
import type { RunResult } from "./run-in-process.ts";
import type { Ran } from "./run-program.ts";

const SLOW = 120_000;
const VALUE = "sk-ant-api03-real-value-0123456789";
let here: Installation;

beforeAll(async () => {
  here = await Installation.create();
}, SLOW);

afterAll(async () => {
  await here[Symbol.asyncDispose]();
}, SLOW);

afterEach(async () => {
  for (const name of ["secrets", "proxy.toml", "audit.jsonl", "proxy"])
    await rm(join(here.home, name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

const own = (): Readonly<Record<string, string>> => ({ ...noCredentials, HOME: here.directory });

function proxy(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<RunResult> {
  return here.call(["proxy", ...words], { ...own(), ...environment });
}

function program(words: readonly string[], onStart?: (child: ChildProcess) => void): Promise<Ran> {
  const environment = own();
  return here.cli(["proxy", ...words], onStart === undefined ? { environment } : { environment, onStart });
}

const settings = (text: string): Promise<void> => writeFile(join(here.home, "proxy.toml"), text);

async function json(words: readonly string[], environment?: Readonly<Record<string, string>>): Promise<unknown> {
  const { code, stdout, stderr } = await proxy([...words, "--json"], environment);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

describe("proxy rules", { timeout: SLOW }, () => {
  test("lists the shipped ones and the user's, without values", async () => {
    await settings(
      '[[rules]]\nid = "sentry"\nhost = "sentry.io"\nsecret = "sentry"\ninject = { header = "Authorization" }\n',
    );
    const rows = await json(["rules"], { SENTRY_AUTH_TOKEN: VALUE });
    expect(rows).toContainEqual(
      expect.objectContaining({ id: "sentry", origin: "proxy.toml", host: "sentry.io", port: 443, state: "ready" }),
    );
    expect(rows).toContainEqual(
      expect.objectContaining({ id: "anthropic-api-key", origin: "shipped", secret: "anthropic", state: "missing" }),
    );
    expect(JSON.stringify(rows)).not.toContain(VALUE);
    const { stdout } = await proxy(["rules"]);
    expect(stdout).toMatch(/^RULE +HOST +SECRET +STATE +ORIGIN/);
    expect(stdout).toMatch(/^sentry +sentry\.io +sentry +missing +proxy\.toml/m);
    expect((await proxy(["rules", "-q"])).stdout.split("\n")).toContain("github-api");
  });

  test("rules that overlap are an error that names both", async () => {
    const rule = (id: string): string =>
      `[[rules]]\nid = "${id}"\nhost = "a.example"\nsecret = "${id}"\ninject = { basic = "x" }\n`;
    await settings(rule("one") + rule("two"));
    refused(await proxy(["rules"]), 1, "the rules one and two overlap");
  });
});

describe("proxy explain", { timeout: SLOW }, () => {
  const url = "https://api.anthropic.com/v1/messages";

  test("says that a credential is put in, from where, and never which", async () => {
    const environment = { ANTHROPIC_API_KEY: VALUE };
    const { code, stdout } = await proxy(["explain", url, "-X", "POST"], environment);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^injected: POST https:\/\/api\.anthropic\.com\/v1\/messages$/m);
    expect(stdout).toContain("anthropic (environment: ANTHROPIC_API_KEY) is put in: the header x-api-key");
    expect(stdout).not.toContain(VALUE);
    expect(await json(["explain", url], environment)).toMatchObject({
      schemaVersion: 1,
      session: null,
      outcome: "injected",
      ruleId: "anthropic-api-key",
      refusal: null,
    });
  });

  test("knows what is not looked into, and what is refused", async () => {
    expect(await json(["explain", "https://example.com/"])).toMatchObject({ outcome: "tunnelled" });
    await settings('[proxy]\ndeny = ["example.com"]\n');
    const { code, stdout } = await proxy(["explain", "wss://example.com/x"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^refused: GET https:\/\/example\.com\/x$/m);
    expect(stdout).toMatch(/^ {2}fix: \S/m);
  });

  test("treats a session as the proxy does", async () => {
    const policy = { accessMode: "read-only", network: "listed", allow: [], deny: [], isIsolated: true };
    const identity = { sessionId: "id-1", sessionName: "fix-login", policy };
    await mkdir(join(here.home, "proxy"), { mode: 0o700 });
    const state = { sessions: { "id-1": { identity, authorityId: "a" } } };
    await writeFile(join(here.home, "proxy", "state.json"), JSON.stringify(state), { mode: 0o600 });
    const words = ["explain", "https://example.com", "--session"];
    expect(await json([...words, "fix-login"])).toMatchObject({ outcome: "refused", session: "fix-login" });
    expect(await json([...words, "id-1"])).toMatchObject({ outcome: "refused" });
    refused(await proxy([...words, "other"]), 3, "it knows fix-login");
  });

  test.each([
    [["explain", "api.github.com"], "explain https://api.github.com"],
    [["explain", "ftp://x"], "not a URL"],
    [["explain", url, "--method", "post"], "--method POST"],
    [["explain"], "URL"],
  ])("refuses %j", async (words, text) => {
    refused(await proxy(words), 2, text);
  });
});

function record(patch: object): string {
  const usual = {
    timestamp: "2026-01-02T03:04:05.678Z",
    correlation_id: "c",
    session_id: "id-1",
    service: "api.github.com",
    method: "GET",
    path: "/user?token=[redacted]",
    auth_injected: true,
    response_code: 200,
    duration_ms: 12,
    decision: "injected",
    kind: "request",
    session_name: "fix-login",
    scheme: "https",
    port: 443,
    rule: "github-api",
  };
  return `${JSON.stringify({ ...usual, ...patch })}\n`;
}

describe("proxy log", { timeout: SLOW }, () => {
  const path = (): string => join(here.home, "audit.jsonl");
  const blocked = { session_name: "other", session_id: "id-2", decision: "blocked", reason: "host-not-allowed" };

  test("shows the latest decisions, of one session, or the blocked ones", async () => {
    expect(await proxy(["log"])).toMatchObject({ code: 0, stdout: "" });
    const lines = [record({}), "torn", record({ ...blocked, service: "evil.test", port: 8443, response_code: 403 })];
    await writeFile(path(), `${lines.join("\n")}\n`);
    const first = "2026-01-02T03:04:05.678Z injected fix-login GET api.github.com/user?token=[redacted] 200 github-api";
    expect((await proxy(["log", "fix-login"])).stdout).toBe(`${first}\n`);
    expect((await proxy(["log", "--blocked"])).stdout).toMatch(/ blocked  other GET evil\.test:8443\S* 403 host-not-/);
    expect((await proxy(["log", "-n", "1", "--json=service,reason"])).stdout).toBe(
      '{"service":"evil.test","reason":"host-not-allowed"}\n',
    );
    expect((await proxy(["log", "id-2"])).stdout.split("\n")).toHaveLength(2);
  });

  test("tells of a time in which nothing could be written, whichever session is asked for", async () => {
    const empty = { correlation_id: "", session_id: null, session_name: undefined, service: "", method: "", path: "" };
    const gap = {
      kind: "gap",
      decision: "blocked",
      reason: "audit-unavailable",
      port: 0,
      duration_ms: 2100,
      missing: 3,
    };
    await writeFile(path(), record({}) + record({ ...empty, ...gap }));
    expect((await proxy(["log", "other"])).stdout).toBe(
      "2026-01-02T03:04:05.678Z blocked  - the log could not be written for 3 seconds: 3 requests refused without a line of their own audit-unavailable\n",
    );
  });

  test("takes the latest over closed files, oldest first", async () => {
    const day = join(here.home, "audit.2026-01-01");
    await writeFile(`${day}.1.jsonl`, record({ correlation_id: "1" }) + record({ correlation_id: "2" }));
    await writeFile(`${day}.2.jsonl`, record({ correlation_id: "3" }));
    await writeFile(path(), record({ correlation_id: "4" }));
    const { stdout } = await proxy(["log", "-n", "3", "--json=correlation_id"]);
    expect([...stdout.matchAll(/"(\d)"/g)].map(([, id]) => id)).toEqual(["2", "3", "4"]);
    for (const number of [1, 2]) await rm(`${day}.${number}.jsonl`);
  });

  test("-f goes on with what is written, each line once, until Ctrl-C", async () => {
    await writeFile(path(), record({ correlation_id: "1" }));
    let seen = "";
    const ran = await program(["log", "-f", "--json=correlation_id"], (child) => {
      child.stdout?.on("data", (chunk: Buffer | string) => {
        const before = seen;
        seen += chunk.toString();
        if (!before.includes('"1"') && seen.includes('"1"')) void appendFile(path(), record({ correlation_id: "2" }));
        if (seen.includes('"2"')) child.kill("SIGINT");
      });
    });
    expect(ran.stdout).toBe('{"correlation_id":"1"}\n{"correlation_id":"2"}\n');
    expect(ran.code).toBe(130);
  });

  test("says that nothing is written down", async () => {
    await settings("audit_enabled = false\n");
    expect((await proxy(["log"])).stderr).toContain("audit_enabled is false");
  });
});

async function authorities(): Promise<number> {
  const names = (await readFile(join(here.home, "proxy", "authority.pem"), "utf8")).match(/BEGIN CERTIFICATE/g);
  return names?.length ?? 0;
}

describe("proxy ca", { timeout: SLOW }, () => {
  test("path, whether it is there or not", async () => {
    await rm(join(here.home, "proxy-ca.pem"), { force: true });
    const bundle = join(here.home, "proxy-ca.pem");
    expect(await proxy(["ca", "path"])).toMatchObject({ code: 0, stdout: `${bundle}\n` });
    expect((await proxy(["ca", "path"])).stderr).toContain("not there yet");
    const java = await proxy(["ca", "path", "--java", "--json"]);
    expect(JSON.parse(java.stdout)).toMatchObject({ path: join(here.home, "proxy-ca.p12") });
  });

  test("rotate keeps the old one trusted", async () => {
    expect(await json(["ca", "rotate"])).toMatchObject({ isRunning: false, isFirst: true });
    expect(await authorities()).toBe(1);
    const { code, stdout, stderr } = await proxy(["ca", "rotate"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain("holds both");
    expect(await authorities()).toBe(2);
    expect(await readFile(join(here.home, "proxy-ca.pem"), "utf8")).not.toContain("PRIVATE");
  });

  test("a running proxy does it itself, and hears of new credentials", async () => {
    const environment = own();
    await using client = await startProxyProcess({ home: here.home, userHome: here.directory, environment });
    expect(await json(["ca", "rotate"])).toMatchObject({ isRunning: true });
    expect(await authorities()).toBe(2);
    const set = ["config", "credentials", "set", "anthropic"];
    expect((await here.call(set, environment, { input: VALUE })).code).toBe(0);
    await client.call("stop", { whenIdle: false });
  });
});

describe("proxy run", { timeout: SLOW }, () => {
  const script = `
    const key = process.env.ANTHROPIC_API_KEY;
    const response = await fetch("https://api.anthropic.com/v1/models", { headers: { "x-api-key": key } });
    console.log(JSON.stringify({ key, status: response.status, pypi: process.env.PYPI_TOKEN ?? null }));
    process.exit(7);
  `;

  test("a command holds a placeholder; its vendor gets the credential", async () => {
    await using vendor = await Vendor.start(VALUE);
    await settings(`[proxy.upstreams]\n"api.anthropic.com" = "${vendor.url}"\n`);
    const environment = { ...own(), ANTHROPIC_API_KEY: VALUE, PYPI_TOKEN: VALUE };
    const words = ["proxy", "run", "--name", "mine", "--", process.execPath, "--input-type=module", "-e", script];
    const { code, stdout, stderr } = await here.cli(words, { environment });
    expect(stderr).toMatch(/^The proxy listens on 127\.0\.0\.1:\d+\n$/);
    expect(JSON.parse(stdout)).toMatchObject({ status: 200, key: expect.stringContaining("placeholder") as string });
    expect(stdout).not.toContain(VALUE);
    expect(code).toBe(7);
    expect(vendor.seen.map((headers) => headers["x-api-key"])).toEqual([VALUE]);
    expect((await proxy(["log", "mine"])).stdout).toContain("injected mine GET api.anthropic.com/v1/models 200");
  });

  test("alone it prints what clients need, and ends in order", async () => {
    const { code, stdout, stderr } = await program(["run", "--network", "listed"], (child) => {
      child.stdout?.on("data", (chunk: Buffer | string) => {
        if (chunk.toString().includes("HTTPS_PROXY=")) child.kill("SIGTERM");
      });
    });
    expect(stdout).toMatch(/^export HTTPS_PROXY=http:\/\/[\w-]+:[\w-]+@127\.0\.0\.1:\d+$/m);
    expect(stdout).toContain(`export GIT_SSL_CAINFO=${join(here.home, "proxy-ca.pem")}\n`);
    expect(stderr).toContain("The proxy has ended");
    expect(code).toBe(0);
  });

  test.each([
    [["run", "--allow", "a b"], 2, "not a host"],
    [["run", "--budget", "5"], 2, "not a budget"],
    [["run", "--port", "70000"], 2, "--port"],
    [["run", "--", "/no/such/program"], 127, "cannot be run"],
    [["run", "--", "/etc"], 126, "cannot be run"],
  ])("refuses %j", async (words, code, text) => {
    refused(await proxy(words), code, text);
  });
});

test("nothing else loads the proxy", { timeout: SLOW }, async () => {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) {
      if (/\\/packages\\/proxy\\//.test(url) && /apps.cli/.test(process.argv[1])) process.stderr.write("loaded the proxy\\n");
      return next(url, context);
    } });`;
  const environment = { ...own(), NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` };
  for (const words of [["--help"], ["proxy", "--help"], ["proxy", "log", "--help"], ["complete", "bash"], ["list"]]) {
    const { code, stderr } = await here.cli(words, { environment });
    expect({ words, code, loads: stderr.includes("loaded the proxy") }).toEqual({ words, code: 0, loads: false });
  }
  expect((await here.cli(["proxy", "rules"], { environment })).stderr).toContain("loaded the proxy");
});
