import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";

import { keptSessions } from "@clauderon/proxy/client";
import { expect, test } from "vitest";

import { curl, environmentOf, ProxiedHome } from "./proxied-home.ts";
import { until } from "./until.ts";

const LONG_MS = 180_000;
const secret = "sk-ant-REAL-7c41d2a90b";
const models = "https://api.anthropic.com/v1/models";

test(
  "a session uses a secret without having it, until it is deleted",
  async () => {
    await using home = await ProxiedHome.open();
    home.configure();
    home.storeSecret("anthropic", secret);
    await home.run();
    await using client = home.client();
    const session = await client.sessions.create({ name: "fix", repository: home.repository });

    const environment = await environmentOf(session);
    const { id } = await session.detail();
    const bundle = path.join(home.home, "proxy-ca.pem");
    expect(environment).toMatchObject({
      HTTPS_PROXY: expect.stringMatching(`^http://${id}:[\\w-]{43}@127\\.0\\.0\\.1:\\d+$`) as string,
      HTTP_PROXY: environment["HTTPS_PROXY"],
      https_proxy: environment["HTTPS_PROXY"],
      http_proxy: environment["HTTPS_PROXY"],
      SSL_CERT_FILE: bundle,
      NODE_EXTRA_CA_CERTS: bundle,
      REQUESTS_CA_BUNDLE: bundle,
      NODE_USE_ENV_PROXY: "1",
      CLAUDERON_SESSION_ID: id,
    });
    expect(environment["ANTHROPIC_API_KEY"]).toContain("placeholder");
    expect(environment).not.toHaveProperty("OPENAI_API_KEY");
    expect(environment).not.toHaveProperty("JAVA_TOOL_OPTIONS");
    expect(JSON.stringify(environment)).not.toContain(secret);

    const key = `x-api-key: ${environment["ANTHROPIC_API_KEY"] ?? ""}`;
    const used = await session.exec(["curl", "-sS", models, "-H", key]);
    expect(home.seen.at(-1)?.headers["x-api-key"]).toBe(secret);
    expect(used.stdout).toMatch(/^you sent /u);
    expect(used.stdout).not.toContain(secret);

    // No secret of ours: what the client has itself goes on.
    await session.exec(["curl", "-sS", "https://api.openai.com/v1/models", "-H", "Authorization: Bearer own-login"]);
    expect(home.seen.at(-1)?.headers.authorization).toBe("Bearer own-login");

    expect((await curl(environment, [models])).code).toBe(0);
    await session.delete({ discard: true });
    const after = await curl(environment, [models]);
    expect(after.code).not.toBe(0);
    expect(after.stderr).toContain("407");
    expect(await keptSessions(home.home)).toEqual([]);
    expect(readFileSync(path.join(home.home, "logs", "daemon.log"), "utf8")).not.toContain(secret);
  },
  LONG_MS,
);

test(
  "an answer in flight outlives a restart and a kill of the daemon; a killed proxy comes back for the same sessions",
  async () => {
    await using home = await ProxiedHome.open();
    home.configure();
    home.storeSecret("anthropic", secret);
    const first = await home.run();
    await using client = home.client();
    const session = await client.sessions.create({ name: "fix", repository: home.repository });
    const environment = await environmentOf(session);
    const proxy = await home.proxyProcess();
    const open: ServerResponse[] = [];
    const plain = home.respond;
    home.respond = (_request, response) => {
      response.write("begun ");
      open.push(response);
    };
    const streaming = curl(environment, ["-N", models]);
    await until(() => open.length === 1, "the request does not arrive");

    first.child.kill("SIGTERM");
    expect((await first.ended).code).toBe(0);
    const second = await home.run();
    open[0]?.write("restarted ");
    second.child.kill("SIGKILL");
    await second.ended;
    await home.run();
    open[0]?.end("killed");
    expect(await streaming).toMatchObject({ code: 0, stdout: "begun restarted killed" });
    expect(await home.proxyProcess()).toBe(proxy);

    home.respond = plain;
    await using again = home.client();
    const found = await again.sessions.get("fix");
    expect((await found.exec(["curl", "-sS", models])).stdout).toMatch(/^you sent /u);

    process.kill(proxy ?? 0, "SIGKILL");
    await until(async () => ![undefined, proxy].includes(await home.proxyProcess()), "no other proxy starts");
    expect((await found.exec(["curl", "-sS", models])).stdout).toMatch(/^you sent /u);
    expect(home.seen.at(-1)?.headers["x-api-key"]).toBe(secret);

    // What a new start is given replaces what was given before.
    await found.stop({ graceMs: 500 });
    await found.start();
    const anew = await environmentOf(found);
    expect(anew["HTTPS_PROXY"]).not.toBe(environment["HTTPS_PROXY"]);
    expect((await curl(environment, [models])).stderr).toContain("407");
    expect((await curl(anew, [models])).code).toBe(0);
    await found.delete({ discard: true });
  },
  LONG_MS,
);

test(
  "a creation that a crash cut off leaves no identity",
  async () => {
    await using home = await ProxiedHome.open();
    home.configure();
    const crashing = await home.run({ CLAUDERON_CRASH_AT: "create.proxy.after-effect" });
    await using client = home.client();
    const creation = client.sessions.create({ name: "fix", repository: home.repository });
    await expect(creation).rejects.toMatchObject({ code: expect.any(String) as string });
    await crashing.ended;
    expect(await keptSessions(home.home)).toHaveLength(1);
    await home.run();
    await until(async () => (await keptSessions(home.home)).length === 0, "the identity stays");
    await using again = home.client();
    await until(async () => (await again.sessions.list())[0]?.lifecycle === "failed", "the creation is not taken back");
  },
  LONG_MS,
);

test(
  "the daemon's own port hands proxy requests over: a blind tunnel to hosts with a rule, and nothing else without a token",
  async () => {
    await using home = await ProxiedHome.open();
    const { vendorPort } = home;
    const rule = `[[rules]]\nid = "vendor"\nhost = "localhost"\nport = ${vendorPort}\nsecret = "vendor"\ninject = { header = "X-Api-Key", format = "{secret}" }\n`;
    writeFileSync(
      path.join(home.home, "proxy.toml"),
      `[proxy]\nextra_ca = "${home.certificate}"\nallow = ["localhost:${vendorPort}", "127.0.0.1:${vendorPort}"]\n${rule}`,
    );
    home.storeSecret("vendor", secret);
    await home.run();
    const port = await home.daemonPort();
    const url = `https://localhost:${vendorPort}/`;
    const through = ["-x", `http://localhost:${port}`];
    const environment = { PATH: process.env["PATH"] ?? "" };
    // The certificate that the client sees is the vendor's own.
    const tunnel = await curl(environment, [...through, "--cacert", home.certificate, "-H", "x-api-key: own", url]);
    expect(tunnel).toMatchObject({ code: 0, stdout: expect.stringContaining("you sent own") as string });
    expect(home.seen.at(-1)?.headers["x-api-key"]).toBe("own");

    const other = await curl(environment, [...through, "https://other.example/"]);
    expect(other.stderr).toContain("407");
    const api = `http://127.0.0.1:${port}/api/sessions`;
    const token = `Authorization: Bearer ${readFileSync(path.join(home.home, "token"), "utf8").trim()}`;
    const plain = await curl(environment, [...through, "-i", "-H", token, api]);
    expect(plain.stdout).toMatch(/^HTTP\/1.1 407/u);
    const socket = await curl(environment, [...through, "-p", "-H", token, api]);
    expect(socket.stderr).toMatch(/40[37]/u);

    // With its token a session is known there, too.
    await using client = home.client();
    const session = await client.sessions.create({ name: "fix", repository: home.repository });
    const given = await environmentOf(session);
    const moved = (given["HTTPS_PROXY"] ?? "").replace(/:\d+$/u, `:${port}`);
    const trusting = { ...environment, CURL_CA_BUNDLE: given["CURL_CA_BUNDLE"] ?? "" };
    const known = await curl(trusting, ["-x", moved, "-H", "x-api-key: own", url]);
    expect(known).toMatchObject({ code: 0, stdout: expect.stringMatching(/^you sent /u) as string });
    expect(known.stdout).not.toContain(secret);
    expect(home.seen.at(-1)?.headers["x-api-key"]).toBe(secret);

    // What is said in the clear passes whole, both ways.
    const server = createServer((request, response) => void request.pipe(response)).listen(0, "127.0.0.1");
    await until(() => server.listening, "no port");
    const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const body = path.join(home.root, "body");
    writeFileSync(body, "0123456789".repeat(100_000));
    const echoed = await curl(environment, ["-x", moved, "--data-binary", `@${body}`, place]);
    expect(echoed.stdout).toBe(readFileSync(body, "utf8"));
    server.close();
    await session.delete({ discard: true });
  },
  LONG_MS,
);

test(
  "a session is deleted also while its proxy cannot run, and loses its identity once it can",
  async () => {
    await using home = await ProxiedHome.open();
    home.configure();
    const first = await home.run();
    await using client = home.client();
    const session = await client.sessions.create({ name: "fix", repository: home.repository });
    const settings = path.join(home.home, "proxy.toml");
    const right = readFileSync(settings, "utf8");
    writeFileSync(settings, "[proxy\n");
    process.kill((await home.proxyProcess()) ?? 0, "SIGKILL");
    await session.delete({ discard: true });
    expect(await client.sessions.list()).toEqual([]);
    expect(await keptSessions(home.home)).toHaveLength(1);
    writeFileSync(settings, right);
    first.child.kill("SIGTERM");
    await first.ended;
    await home.run();
    await until(async () => (await keptSessions(home.home)).length === 0, "the identity stays");
  },
  LONG_MS,
);

test(
  "without a secret and without settings there is no proxy; a wrong proxy.toml is told with its line",
  async () => {
    await using home = await ProxiedHome.open();
    await home.run();
    await using client = home.client();
    const bare = await client.sessions.create({ name: "bare", repository: home.repository });
    expect(Object.keys(await environmentOf(bare)).filter((name) => /proxy|cert/iu.test(name))).toEqual([]);
    expect(await home.proxyProcess()).toBeUndefined();

    writeFileSync(path.join(home.home, "proxy.toml"), "[proxy]\nalow = []\n");
    const wrong = client.sessions.create({ name: "wrong", repository: home.repository });
    await expect(wrong).rejects.toMatchObject({
      code: "settings.invalid",
      message: expect.stringContaining("proxy.toml:2") as string,
    });
    // What the caller trusts and reaches directly stays so.
    home.configure();
    home.storeSecret("anthropic", secret);
    const callerEnvironment = { ...home.environment, SSL_CERT_FILE: home.certificate, NO_PROXY: "intranet.example" };
    const session = await client.sessions.create({ name: "fix", repository: home.repository, callerEnvironment });
    const environment = await environmentOf(session);
    expect(environment["NO_PROXY"]).toBe("localhost,127.0.0.1,::1,intranet.example");
    const bundle = readFileSync(environment["SSL_CERT_FILE"] ?? "", "utf8");
    expect(bundle).toContain(readFileSync(home.certificate, "utf8").trim());
    expect(bundle).toContain(readFileSync(path.join(home.home, "proxy-ca.pem"), "utf8").trim());
    expect((await session.exec(["curl", "-sS", models])).stdout).toMatch(/^you sent /u);
    await Promise.all([session, bare].map((one) => one.delete({ discard: true })));
  },
  LONG_MS,
);

test(
  "switched off, it is nowhere",
  async () => {
    await using home = await ProxiedHome.open();
    home.configure();
    home.storeSecret("anthropic", secret);
    const config = path.join(home.home, "config.toml");
    writeFileSync(config, `${readFileSync(config, "utf8")}[proxy]\nenabled = false\n`);
    await home.run();
    await using client = home.client();
    const session = await client.sessions.create({ name: "fix", repository: home.repository });
    expect(await environmentOf(session)).not.toHaveProperty("HTTPS_PROXY");
    const through = ["-x", `http://localhost:${await home.daemonPort()}`];
    const refused = await curl({ PATH: process.env["PATH"] ?? "" }, [...through, models]);
    expect(refused.stderr).toContain("503");
    expect(await home.proxyProcess()).toBeUndefined();
    await session.delete({ discard: true });
  },
  LONG_MS,
);
