import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";

import type { Session } from "@clauderon/core/contract";
import { openProxyHome } from "@clauderon/proxy";
import { expect, test } from "vitest";

import { environmentOf, ProxiedHome } from "./proxied-home.ts";
import { until } from "./until.ts";

const LONG_MS = 180_000;
const secret = "sk-ant-REAL-7c41d2a90b";
const messages = "https://api.anthropic.com/v1/messages";

/** The status that curl gets in the session, 0 when there is no answer. */
async function status(session: Session, args: readonly string[]): Promise<string> {
  const format = ["-sS", "--noproxy", "", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code} %{http_connect}"];
  return (await session.exec(["curl", ...format, ...args])).stdout;
}

/** An answer of Anthropic's that used 150 tokens. */
function answerAsModel(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const usage = { input_tokens: 100, output_tokens: 50 };
  response.setHeader("content-type", "application/json");
  response.end(
    JSON.stringify({ type: "message", model: "claude-sonnet-5", content: [], stop_reason: "end_turn", usage }),
  );
}

test(
  "what the backend cannot enforce needs consent; what nobody would hold a session to is refused",
  async () => {
    await using home = await ProxiedHome.open();
    await home.run();
    await using client = home.client();
    const { repository } = home;
    await expect(client.sessions.create({ name: "a", repository, accessMode: "read-only" })).rejects.toMatchObject({
      code: "usage.invalid",
      message: "The backend local cannot enforce --access-mode read-only",
    });
    await expect(client.sessions.create({ name: "a", repository, allow: ["a b"] })).rejects.toMatchObject({
      code: "usage.invalid",
    });
    await expect(client.sessions.create({ name: "a", repository, budget: "5" })).rejects.toMatchObject({
      code: "usage.invalid",
    });
    expect(await client.sessions.list()).toEqual([]);

    // Nothing of the home asks for a proxy: the session does.
    const bare = await client.sessions.create({ name: "bare", repository });
    expect(await environmentOf(bare)).not.toHaveProperty("HTTPS_PROXY");
    expect(await bare.budget()).toMatchObject({ session: { isReached: false }, day: { isReached: false } });
    await expect(bare.changeAccess({ accessMode: "read-only", isAdvisory: true })).rejects.toMatchObject({
      code: "session.wrong-state",
    });
    expect((await bare.detail()).accessMode).toBe("read-write");
    const held = await client.sessions.create({ name: "held", repository, accessMode: "read-only", isAdvisory: true });
    expect(await environmentOf(held)).toHaveProperty("HTTPS_PROXY");
    expect((await held.detail()).notices.join("\n")).toContain("advisory: the agent can go round the proxy");
    await bare.stop({ graceMs: 500 });
    await bare.changeAccess({ accessMode: "read-only", isAdvisory: true });
    await bare.start();
    expect(await environmentOf(bare)).toHaveProperty("HTTPS_PROXY");
    await Promise.all([bare, held].map((one) => one.delete({ discard: true })));
  },
  LONG_MS,
);

test(
  "with the proxy switched off nothing is promised",
  async () => {
    await using home = await ProxiedHome.open();
    const config = path.join(home.home, "config.toml");
    const more = '[session]\naccess_mode = "read-only"\nadvisory = true\n[proxy]\nenabled = false\n';
    writeFileSync(config, `${readFileSync(config, "utf8")}${more}`);
    await home.run();
    await using client = home.client();
    const { repository } = home;
    await expect(client.sessions.create({ name: "a", repository })).rejects.toMatchObject({ code: "settings.invalid" });
    const session = await client.sessions.create({ name: "a", repository, accessMode: "read-write" });
    await expect(session.changeAccess({ budget: "5usd" })).rejects.toMatchObject({ code: "settings.invalid" });
    await session.delete({ discard: true });
  },
  LONG_MS,
);

test(
  "a session is held to its access, from the configuration and its options, changed while it runs, and over kills of daemon and proxy",
  async () => {
    await using home = await ProxiedHome.open();
    home.configure();
    home.storeSecret("anthropic", secret);
    const config = path.join(home.home, "config.toml");
    const more = '[session]\nnetwork = "listed"\nadvisory = true\ndeny = ["api.openai.com"]\n';
    writeFileSync(config, `${readFileSync(config, "utf8")}${more}`);
    const first = await home.run();
    await using client = home.client();
    const session = await client.sessions.create({ name: "fix", repository: home.repository });
    expect(await session.detail()).toMatchObject({
      accessMode: "read-write",
      network: "listed",
      allow: [],
      deny: ["api.openai.com"],
      isAdvisory: true,
    });
    expect(await status(session, ["-X", "POST", "-d", "{}", messages])).toBe("200 200");
    expect(await status(session, ["https://api.openai.com/v1/models"])).toBe("000 403");
    const own = `https://localhost:${home.vendorPort}/`;
    expect(await status(session, [own])).toBe("000 403");
    const places = [`localhost:${home.vendorPort}`, `127.0.0.1:${home.vendorPort}`];
    await session.changeAccess({ allow: places });
    expect(await status(session, [own])).toBe("200 200");

    await session.changeAccess({ accessMode: "read-only", remove: ["api.openai.com"] });
    expect(await status(session, ["-X", "POST", "-d", "{}", "https://api.anthropic.com/v1/files"])).toBe("403 200");
    expect(await status(session, ["https://api.openai.com/v1/models"])).toBe("200 200");
    await expect(session.changeAccess({ remove: ["nowhere.example"] })).rejects.toMatchObject({
      code: "usage.invalid",
    });
    await expect(session.changeAccess({ allow: ["a b"] })).rejects.toMatchObject({ code: "usage.invalid" });

    first.child.kill("SIGKILL");
    await first.ended;
    process.kill((await home.proxyProcess()) ?? 0, "SIGKILL");
    await home.run();
    await until(async () => (await home.proxyProcess()) !== undefined, "no proxy starts");
    await using again = home.client();
    const found = await again.sessions.get("fix");
    expect(await found.detail()).toMatchObject({ accessMode: "read-only", network: "listed", allow: places, deny: [] });
    expect(await status(found, ["-X", "POST", "-d", "{}", "https://api.anthropic.com/v1/files"])).toBe("403 200");
    expect(await status(found, [own])).toBe("200 200");

    // What is explained is what is done.
    const proxy = await openProxyHome({ home: home.home, userHome: home.root, environment: {} });
    const identity = (await proxy.sessions())[0];
    const url = "https://api.anthropic.com/v1/files";
    expect(proxy.explain({ url, method: "POST", identity })).toMatchObject({
      outcome: "refused",
      refusal: { code: "read-only" },
    });
    expect(proxy.explain({ url: own, identity }).outcome).toBe("forwarded");
    expect(proxy.explain({ url: "https://example.com/", identity }).refusal?.code).toBe("host-not-allowed");
    await found.delete({ discard: true });
  },
  LONG_MS,
);

test(
  "a change that a crash cut off before it was recorded is not in force afterwards",
  async () => {
    await using home = await ProxiedHome.open();
    home.configure();
    const crashing = await home.run({ CLAUDERON_CRASH_AT: "access.changed.before-write" });
    await using client = home.client();
    const session = await client.sessions.create({
      name: "fix",
      repository: home.repository,
      deny: ["api.openai.com"],
      isAdvisory: true,
    });
    await expect(session.changeAccess({ remove: ["api.openai.com"] })).rejects.toMatchObject({
      code: "daemon.unreachable",
    });
    await crashing.ended;
    expect(await heldTo(home)).toMatchObject({ deny: [] });
    await home.run();
    await until(
      async () => (await heldTo(home))?.deny.includes("api.openai.com") === true,
      "the proxy holds it to what was not recorded",
    );
    await using again = home.client();
    expect((await (await again.sessions.get("fix")).detail()).deny).toEqual(["api.openai.com"]);
  },
  LONG_MS,
);

async function heldTo(home: ProxiedHome): Promise<{ readonly deny: readonly string[] } | undefined> {
  const proxy = await openProxyHome({ home: home.home, userHome: home.root, environment: {} });
  return (await proxy.sessions())[0]?.policy;
}

test(
  "a budget is counted, shown, reached and raised",
  async () => {
    await using home = await ProxiedHome.open();
    home.configure('[budget]\nper_day = "1mtokens"');
    home.storeSecret("anthropic", secret);
    home.respond = answerAsModel;
    await home.run();
    await using client = home.client();
    const session = await client.sessions.create({ name: "fix", repository: home.repository, budget: "100tokens" });
    expect(await session.detail()).toMatchObject({ budget: "100tokens" });
    const ask = [
      "-X",
      "POST",
      "-H",
      "content-type: application/json",
      "-d",
      '{"model":"claude-sonnet-5","messages":[]}',
      messages,
    ];
    expect(await status(session, ask)).toBe("200 200");
    await until(async () => (await session.budget()).session.isReached, "nothing is counted");
    expect(await session.budget()).toMatchObject({
      schemaVersion: 1,
      name: "fix",
      session: { limit: "100tokens", isReached: true, used: { tokens: 150, usd: 0.0007 } },
      day: { limit: "1mtokens", isReached: false, used: { tokens: 150 } },
    });
    expect(await status(session, ask)).toBe("429 200");
    const { stdout } = await session.exec(["curl", "-sS", ...ask]);
    expect(JSON.parse(stdout)).toMatchObject({ type: "error", error: { type: "rate_limit_error" } });
    expect(stdout).toContain("clauderon budget fix 200tokens");
    await until(async () => {
      const proxy = await openProxyHome({ home: home.home, userHome: home.root, environment: {} });
      const [identity] = await proxy.sessions();
      const { refusal } = proxy.explain({ url: messages, method: "POST", identity, budget: await proxy.budget() });
      return refusal?.code === "budget-reached";
    }, "it is not explained");

    // It stays reached over a stop and a start.
    await session.stop({ graceMs: 500 });
    await session.start();
    expect(await status(session, ask)).toBe("429 200");
    expect((await session.changeAccess({ budget: "1ktokens" })).budget).toBe("1ktokens");
    expect(await status(session, ask)).toBe("200 200");
    expect((await session.changeAccess({ budget: "none" })).budget).toBeUndefined();
    expect((await session.budget()).session).not.toHaveProperty("limit");
    await session.delete({ discard: true });
  },
  LONG_MS,
);
