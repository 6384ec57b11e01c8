import type { ServerResponse } from "node:http";

import type { ModelEventBody } from "@clauderon/core/contract";
import { connectProxyProcess, proxyVersion, type ProxyProcessStatus } from "@clauderon/proxy/client";
import { expect, test } from "vitest";

import { EarlierRelease } from "./earlier-release.ts";
import { curl, environmentOf, ProxiedHome } from "./proxied-home.ts";
import { until } from "./until.ts";

const LONG_MS = 180_000;
const secret = "sk-ant-REAL-7c41d2a90b";
const messages = "https://api.anthropic.com/v1/messages";
const models = "https://api.anthropic.com/v1/models";

const part = (text: string): string => {
  const delta = { type: "text_delta", text };
  return `data: ${JSON.stringify({ type: "content_block_delta", index: 0, delta })}\n\n`;
};

async function statusOf(home: ProxiedHome): Promise<ProxyProcessStatus | undefined> {
  await using proxy = await connectProxyProcess(home.home);
  return await proxy?.call("status", {}).catch(() => undefined);
}

test(
  "a model's answer in flight outlives the daemon's upgrade to another version; the proxy follows when nothing is open",
  async () => {
    using release = new EarlierRelease();
    await using home = await ProxiedHome.open();
    home.configure();
    home.storeSecret("anthropic", secret);
    const first = await home.run({}, release.program);
    await using client = home.client();
    const session = await client.sessions.create({ name: "fix", repository: home.repository });
    const environment = await environmentOf(session);
    const before = await statusOf(home);
    expect(before?.version).toBe(release.version);

    const open: ServerResponse[] = [];
    const plain = home.respond;
    home.respond = (_request, response) => {
      response.setHeader("content-type", "text/event-stream");
      response.write(part("begun"));
      open.push(response);
    };
    const body = JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content: "hello" }] });
    const asking = curl(environment, ["-N", messages, "-H", "content-type: application/json", "--data-binary", body]);
    await until(() => open.length === 1, "the request does not arrive");

    first.child.kill("SIGTERM");
    expect((await first.ended).code).toBe(0);
    release.remove();
    open[0]?.write(part("between"));
    await home.run();
    await until(async () => (await statusOf(home))?.isEndingWhenIdle === true, "the old proxy is not asked to end");
    open[0]?.write(part("upgraded"));
    home.respond = plain;
    // Others are served meanwhile, and what else there is to do for sessions goes on.
    expect((await curl(environment, [models])).stdout).toMatch(/^you sent /u);
    await using again = home.client();
    const second = await again.sessions.create({ name: "second", repository: home.repository });
    expect((await second.exec(["curl", "-sS", models])).stdout).toMatch(/^you sent /u);
    expect((await statusOf(home))?.processId).toBe(before?.processId);

    open[0]?.end(part("ended") + 'data: {"type":"message_stop"}\n\n');
    expect(await asking).toMatchObject({
      code: 0,
      stdout: `${["begun", "between", "upgraded", "ended"].map(part).join("")}data: {"type":"message_stop"}\n\n`,
    });
    await until(async () => (await statusOf(home))?.version === proxyVersion(), "no proxy of this version starts");
    const after = await statusOf(home);
    expect(after?.processId).not.toBe(before?.processId);
    expect({ port: after?.port, sessions: after?.sessions }).toEqual({ port: before?.port, sessions: 2 });
    expect((await curl(environment, [models])).stdout).toMatch(/^you sent /u);
    expect(home.seen.at(-1)?.headers["x-api-key"]).toBe(secret);

    // What the old one saw to its end is stored by the new daemon.
    const seen: ModelEventBody[] = [];
    for await (const { body: event } of again.events({ since: 0, follow: false }))
      if (event.type.startsWith("model.")) seen.push(event as ModelEventBody);
    const ended = seen.filter(({ type }) => type === "model.turn-ended");
    expect(ended.map((event) => event.type === "model.turn-ended" && event.reason)).toEqual(["end"]);
  },
  LONG_MS,
);
