import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { findProgram } from "@clauderon/core/host";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createProxy, type Proxy } from "../create-proxy.ts";
import { createPolicyEngine } from "../policy/decide.ts";
import { shippedRules } from "../rules/shipped-rules.ts";
import { sandboxWiring } from "./sandbox-wiring.ts";

const SECRET = "sk-ant-api03-REALcd41a9REALcd41a9REALcd41a9";
const HOST = "https://api.anthropic.com/v1/models";
const run = promisify(execFile);
const rules = shippedRules({});
const secrets = new Set(["anthropic"]);

/** Each asks for the page with the placeholder that it finds in its environment. */
const clients: readonly (readonly [string, readonly string[]])[] = [
  ["curl", ["--silent", "--show-error", "--header", "x-api-key: KEY", HOST]],
  ["wget", ["--quiet", "--output-document=-", "--header=x-api-key: KEY", HOST]],
  [
    "node",
    [
      "-e",
      `fetch("${HOST}", { headers: { "x-api-key": "KEY" } }).then((a) => a.text()).then((t) => process.stdout.write(t))`,
    ],
  ],
  [
    "python3",
    [
      "-c",
      `from urllib.request import *; print(urlopen(Request("${HOST}", headers={"x-api-key": "KEY"})).read().decode())`,
    ],
  ],
];

let home: string;
let upstream: Server;
let proxy: Proxy;
let environment: Readonly<Record<string, string>>;
const keys: unknown[] = [];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "clauderon-clients-"));
  upstream = createServer((request, response) => {
    keys.push(request.headers["x-api-key"]);
    response.setHeader("content-type", "application/json").end(JSON.stringify(request.headers));
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const address = upstream.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const caBundlePath = join(home, "proxy-ca.pem");
  proxy = createProxy({
    authorityPath: join(home, "proxy", "authority.pem"),
    bundlePath: caBundlePath,
    policy: createPolicyEngine({ rules, secrets }),
    readSecret: async () => SECRET,
    writeRecord: () => undefined,
    upstream: { overrides: new Map([["api.anthropic.com", { scheme: "http", host: "127.0.0.1", port } as const]]) },
  });
  const listening = await proxy.listen();
  const { token } = await proxy.identities.add({
    sessionId: "s1",
    sessionName: "fix",
    policy: { accessMode: "read-write", network: "listed", allow: [], deny: [], isIsolated: true },
  });
  const wiring = sandboxWiring({
    sessionId: "s1",
    proxyUrl: `http://s1:${token}@127.0.0.1:${listening.port}`,
    caBundlePath,
    agent: "claude",
    rules,
    secrets,
    home,
    now: "2026-11-21T00:00:00Z",
  });
  for (const { path, content } of wiring.files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  environment = { ...wiring.environment, HOME: home, PATH: process.env["PATH"] ?? "" };
});

afterAll(async () => {
  await proxy.close();
  upstream.close();
  await rm(home, { recursive: true, force: true, maxRetries: 10 });
});

describe("With the variables and files of the wiring alone", () => {
  it.each(clients)("P26 %s reaches the host with the real key and sees a placeholder", async (name, argv) => {
    const program = name === "node" ? process.execPath : await findProgram(name, { environment, cwd: home });
    if (typeof program === "object" && !("path" in program)) {
      process.stdout.write(`not run: ${name} (it is not installed)\n`);
      return;
    }
    const placeholder = environment["ANTHROPIC_API_KEY"] ?? "";
    const { stdout } = await run(
      typeof program === "string" ? program : program.path,
      argv.map((text) => text.replace("KEY", placeholder)),
      { env: environment },
    );
    expect(JSON.parse(stdout)).toMatchObject({
      "x-api-key": placeholder.padEnd(SECRET.length, "*").slice(0, SECRET.length),
    });
    expect(keys.pop()).toBe(SECRET);
  });
});
