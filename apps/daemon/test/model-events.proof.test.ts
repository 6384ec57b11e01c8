import { writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import path from "node:path";

import type { ModelEventBody, SessionEvent } from "@clauderon/core/contract";
import { promptHash } from "@clauderon/proxy";
import { connectProxyProcess } from "@clauderon/proxy/client";
import { expect, test } from "vitest";

import { curl, environmentOf, ProxiedHome, type Printed } from "./proxied-home.ts";
import { until } from "./until.ts";

const LONG_MS = 180_000;
const messages = "https://api.anthropic.com/v1/messages";
const prompt = "Fix the login, please";

const sse = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
const opening = sse({ type: "message_start", message: { model: "m-1", usage: { input_tokens: 7, output_tokens: 1 } } });
const closing =
  sse({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 40 } }) +
  sse({ type: "message_stop" });
const text = (characters: number): string =>
  sse({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "x".repeat(characters) } });

/** Stands for the vendor: each answer begins, and goes on as the test says. */
function answerInParts(home: ProxiedHome): ServerResponse[] {
  const open: ServerResponse[] = [];
  home.respond = (request, response) => {
    request.resume();
    response.setHeader("content-type", "text/event-stream");
    response.write(opening);
    open.push(response);
  };
  return open;
}

async function ask(home: ProxiedHome, environment: Readonly<Record<string, string>>): Promise<Printed> {
  const body = path.join(home.root, "body.json");
  const content = `${prompt}\n<system-reminder>\nnothing\n</system-reminder>\n`;
  writeFileSync(
    body,
    JSON.stringify({ model: "m-1", stream: true, tools: [{ name: "Bash" }], messages: [{ role: "user", content }] }),
  );
  const type = "content-type: application/json";
  return curl(environment, ["-N", messages, "-H", "x-api-key: placeholder", "-H", type, "--data-binary", `@${body}`]);
}

async function modelEvents(home: ProxiedHome): Promise<readonly (SessionEvent & { readonly body: ModelEventBody })[]> {
  await using client = home.client();
  const found: (SessionEvent & { readonly body: ModelEventBody })[] = [];
  for await (const event of client.events({ since: 0, follow: false }))
    if (event.body.type.startsWith("model.")) found.push(event as SessionEvent & { readonly body: ModelEventBody });
  return found;
}

async function begin(): Promise<{ home: ProxiedHome; environment: Readonly<Record<string, string>>; id: string }> {
  const home = await ProxiedHome.open();
  home.configure();
  home.storeSecret("anthropic", "sk-ant-REAL-7c41d2a90b");
  await home.run();
  await using client = home.client();
  const session = await client.sessions.create({ name: "fix", repository: home.repository });
  return { home, environment: await environmentOf(session), id: session.id };
}

test(
  "what an agent and its model do is stored as events of the session: the prompt's hash, a thousand deltas as one, usage, end",
  async () => {
    const { home, environment, id } = await begin();
    await using _home = home;
    const open = answerInParts(home);
    const asking = ask(home, environment);
    await until(() => open.length === 1, "the request does not arrive");
    // Seen at once: an answer in flight is no secret until its end.
    await until(async () => (await modelEvents(home)).length > 0, "the turn's start is not stored");
    for (let index = 0; index < 1000; index += 1) open[0]?.write(text(3));
    open[0]?.end(closing);
    expect((await asking).code).toBe(0);
    await until(async () => (await modelEvents(home)).at(-1)?.body.type === "model.turn-ended", "no end is stored");
    const seen = await modelEvents(home);
    const [first] = seen;
    const exchange = { vendor: "anthropic", exchangeId: first?.body.exchangeId };
    expect(seen.every((event) => event.sessionId === id && event.sessionName === "fix")).toBe(true);
    expect(seen.map(({ body }) => body)).toEqual(
      [
        {
          type: "model.turn-started",
          model: "m-1",
          promptHash: promptHash(prompt),
          cause: "prompt",
          isSideCall: false,
        },
        { type: "model.text", characters: 3000 },
        {
          type: "model.usage",
          model: "m-1",
          usage: {
            inputTokens: 7,
            cachedInputTokens: 0,
            cacheWriteTokens: 0,
            longCacheWriteTokens: 0,
            outputTokens: 40,
            isEstimated: false,
          },
        },
        { type: "model.turn-ended", reason: "end" },
      ].map(({ type, ...rest }) => ({ type, ...exchange, ...rest })),
    );
    expect(JSON.stringify(seen)).not.toContain(prompt);
  },
  LONG_MS,
);

test(
  "each event is stored once, whatever happens to the daemon meanwhile: ended, killed, not there for a whole answer",
  async () => {
    const { home, environment } = await begin();
    await using _home = home;
    const open = answerInParts(home);
    const asked: Promise<Printed>[] = [];
    const another = async (): Promise<ServerResponse> => {
      asked.push(ask(home, environment));
      await until(() => open.length === asked.length, "the request does not arrive");
      return open.at(-1) as ServerResponse;
    };
    const proxy = await home.proxyProcess();
    let answer = await another();
    for (const signal of ["SIGKILL", "SIGTERM", "SIGKILL", "SIGKILL"] as const) {
      answer.write(text(10));
      process.kill(home.daemonProcess, signal);
      await home.daemonEnded();
      answer.write(text(7));
      answer.end(closing);
      // While there is no daemon at all.
      const unseen = await another();
      unseen.write(text(5));
      unseen.end(closing);
      await asked.at(-1);
      answer = await another();
      await home.run();
    }
    answer.end(closing);
    expect((await Promise.all(asked)).every(({ code }) => code === 0)).toBe(true);
    const endings = async (): Promise<number> =>
      (await modelEvents(home)).filter(({ body }) => body.type === "model.turn-ended").length;
    await until(async () => (await endings()) >= asked.length, "endings are missing");
    expect(await home.proxyProcess()).toBe(proxy);
    const byExchange = Map.groupBy(await modelEvents(home), ({ body }) => body.exchangeId);
    expect(byExchange.size).toBe(asked.length);
    for (const events of byExchange.values()) {
      const types = events.map(({ body }) => body.type).filter((type) => type !== "model.text");
      expect(types).toEqual(["model.turn-started", "model.usage", "model.turn-ended"]);
    }
    const written = (events: readonly { readonly body: ModelEventBody }[]): number =>
      events.reduce((sum, { body }) => sum + (body.type === "model.text" ? body.characters : 0), 0);
    expect([...byExchange.values()].map(written)).toEqual([17, 5, 17, 5, 17, 5, 17, 5, 0]);
    const cursors = [...byExchange.values()].flat().map(({ cursor }) => cursor);
    expect(new Set(cursors).size).toBe(cursors.length);
  },
  LONG_MS,
);

test(
  "an answer that is cut because its proxy is replaced at once has an end, too",
  async () => {
    const { home, environment } = await begin();
    await using _home = home;
    const open = answerInParts(home);
    const asking = ask(home, environment);
    await until(() => open.length === 1, "the request does not arrive");
    open[0]?.write(text(12));
    await until(async () => (await modelEvents(home)).length > 0, "the turn's start is not stored");
    await using proxy = await connectProxyProcess(home.home);
    await proxy?.call("stop", { whenIdle: false });
    expect((await asking).code).not.toBe(0);
    await until(async () => (await modelEvents(home)).at(-1)?.body.type === "model.turn-ended", "no end is stored");
    const seen = (await modelEvents(home)).map(({ body }) => body);
    expect(seen.find(({ type }) => type === "model.text")).toMatchObject({ characters: 12 });
    expect(seen.at(-1)).toMatchObject({ reason: expect.stringMatching(/aborted|failed/u) as string });
    await proxy?.ended;
    await until(async () => (await home.proxyProcess()) !== undefined, "no other proxy starts");
  },
  LONG_MS,
);
