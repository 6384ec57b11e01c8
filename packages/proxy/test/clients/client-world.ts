import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

import { proxyFiles, sandboxWiring, type AuditRecord, type PushScope, type WiredAgent } from "../../src/index.ts";
import { connectProxyProcess } from "../../src/process/proxy-client.ts";
import { upstreamAuthority } from "../../src/transport/testing/recording-upstream.fixture.ts";
import { identity, openPolicy } from "../../src/transport/testing/test-proxy.fixture.ts";

export interface ClientWorldOptions {
  /** Ports on this machine that stand behind the hosts' own names, with TLS. */
  readonly origins: Readonly<Record<string, number>>;
  /** Where the real secrets are, by variable. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Real secrets that are stored in files, by name. */
  readonly stored?: Readonly<Record<string, string>>;
  /** The user's own `~/.codex/auth.json`. */
  readonly codexLogin?: string;
  /** Hosts beside those that have a rule. */
  readonly allow?: readonly string[];
  /** More of proxy.toml. */
  readonly settings?: string;
  /** The user's own `.npmrc`. */
  readonly npmrc?: string;
  /** What the upstreams' certificates are signed by; default that of the tests' own. */
  readonly authority?: string;
  readonly push?: PushScope;
}

export interface RunResult {
  readonly code: number | null;
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly agent?: WiredAgent;
}

/** A session's sandbox as its programs see it: a home, the variables of the wiring, and the proxy's own process. */
export interface ClientWorld extends AsyncDisposable {
  /** The session's home. */
  readonly home: string;
  readonly proxyPort: number;
  readonly token: string;
  /** What the wiring gives besides variables. */
  readonly agentArguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** What the proxy decided. */
  audit(): Promise<readonly AuditRecord[]>;
  /** Everything that the proxy has written down, and the session's home. */
  written(): Promise<string>;
}

const main = new URL("../../src/process/proxy-main.ts", import.meta.url).pathname;
const resolver = new URL("./resolver.fixture.ts", import.meta.url).href;

/** Starts the proxy's program with a resolver that knows this machine alone, and wires one session to it. */
export async function startClientWorld(options: ClientWorldOptions, agent: WiredAgent = "other"): Promise<ClientWorld> {
  const root = await mkdtemp(join(tmpdir(), "clauderon-cw-"));
  const [home, userHome, session] = ["h", "user", "session"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [home, userHome, session]) await mkdir(path, { mode: 0o700 });
  const authorityPath = join(root, "upstream-ca.pem");
  await writeFile(authorityPath, options.authority ?? upstreamAuthority.certificatePem);
  await writeFile(join(userHome, ".npmrc"), options.npmrc ?? "");
  const origins = Object.entries(options.origins).map(([host, port]) => `"${host}" = "https://${host}:${port}"\n`);
  const upstreams = `[proxy]\nallow = ${JSON.stringify(options.allow ?? [])}\nextra_ca = "${authorityPath}"\n[proxy.upstreams]\n${origins.join("")}`;
  await writeFile(join(home, "proxy.toml"), `${upstreams}${options.settings ?? ""}`);
  await mkdir(join(userHome, ".codex"));
  if (options.codexLogin !== undefined)
    await writeFile(join(userHome, ".codex", "auth.json"), options.codexLogin, { mode: 0o600 });
  await mkdir(join(home, "secrets"), { mode: 0o700 });
  for (const [name, value] of Object.entries(options.stored ?? {}))
    await writeFile(join(home, "secrets", name), value, { mode: 0o600 });
  const child = spawn(process.execPath, ["--conditions", "@clauderon/source", "--import", resolver, main], {
    cwd: "/",
    stdio: ["pipe", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], HOME: userHome },
  });
  const lines: string[] = [];
  const listening = Promise.withResolvers<void>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    lines.push(line);
    if (line.includes("the proxy listens")) listening.resolve();
  });
  child.once("exit", () => listening.reject(new Error(`the proxy did not start: ${lines.join("\n")}`)));
  const start = { home, userHome, closedPorts: [], environment: { ...options.secrets, PATH: process.env["PATH"] } };
  child.stdin.end(`${JSON.stringify(start)}\n`);
  await listening.promise;
  await using client = await connectProxyProcess(home);
  if (client === undefined) throw new Error("the proxy does not answer");
  const { rules, secrets, codexAccountId } = await client.call("wiring", {});
  const { port, bundlePath } = await client.call("status", {});
  const { token } = await client.call("add", { identity: identity("clients", { ...openPolicy, push: options.push }) });
  const wiring = sandboxWiring({
    sessionId: "clients",
    proxyUrl: `http://clients:${token}@127.0.0.1:${port}`,
    caBundlePath: bundlePath,
    javaTrustStore: { path: proxyFiles(home).trustStore, password: "changeit" },
    agent,
    rules,
    secrets: new Set(secrets),
    codexAccountId,
    home: session,
    now: new Date().toISOString(),
  });
  for (const { path, content } of wiring.files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { mode: 0o600 });
  }
  const environment = { ...wiring.environment, HOME: session, PATH: process.env["PATH"] ?? "", LC_ALL: "C" };
  return {
    home: session,
    proxyPort: port,
    token,
    agentArguments: wiring.agentArguments,
    environment,
    run: async ([program = "", ...argv], { cwd = session, environment: more } = {}) => {
      const running = spawn(program, argv, {
        cwd,
        env: { ...environment, ...more },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      for (const stream of [running.stdout, running.stderr])
        stream.on("data", (chunk: Buffer) => (output += chunk.toString("latin1")));
      const [code] = (await once(running, "close")) as [number | null];
      return { code, output: Buffer.from(output, "latin1").toString("utf8") };
    },
    audit: async () => {
      const text = await readFile(join(home, "audit.jsonl"), "utf8");
      // The last one may be half written.
      return text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as AuditRecord);
    },
    async written() {
      const found = [lines.join("\n")];
      for (const directory of [session, join(home, "logs"), home])
        for (const entry of await readdir(directory, { recursive: directory !== home, withFileTypes: true }).catch(
          () => [],
        ))
          if (entry.isFile()) found.push(await readFile(join(entry.parentPath, entry.name), "latin1"));
      return found.join("\n");
    },
    async [Symbol.asyncDispose]() {
      listening.promise.catch(() => undefined);
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      await rm(root, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
