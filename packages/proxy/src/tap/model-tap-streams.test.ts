import { gzipSync, zstdCompressSync } from "node:zlib";

import { describe, expect, it } from "vitest";

import { createModelTap, type ModelTap } from "./create-model-tap.ts";
import { promptHash } from "./prompt-hash.ts";
import type { TapRecord } from "./tap-event.ts";
import type { ModelVendor } from "./tap-event.ts";
import {
  recording,
  contextOf,
  watch,
  replay,
  pieces,
  types,
  find,
  merged,
  characters,
} from "./tap-exchange.fixture.ts";

describe("The tap", () => {
  it.each(["anthropic", "gemini"] as const)("tells that %s's model waits for the user's answer", (vendor) => {
    expect(find(replay(vendor, recording(`${vendor}-ask`)), "waiting")).toMatchObject({ reason: "question" });
  });

  it("reads Gemini's stream as one array", () => {
    const run = recording("gemini-run");
    const chunks = [...run.answer.matchAll(/^data: (.*)\r$/gm)].map(([, json]) => json);
    const events = replay(
      "gemini",
      { ...run, contentType: "application/json", answer: `[${chunks.join("\n,\r\n")}\n]` },
      [7],
    );
    expect(merged(events)).toEqual(merged(replay("gemini", run)));
  });

  it.each(["\n", "\r\n", "\r"])("reads events whose data has several lines, ended by %j", (end) => {
    const lines = [
      "event: x",
      ": a comment",
      'data:{"type":"message_start","message":',
      'data: {"model":"m-1","usage":{"input_tokens":7,',
      'data: "output_tokens":1}}}',
      "id: 1",
      "",
      'data: {"type":"message_stop"}',
      "",
      "",
    ];
    const events = watch({
      context: contextOf("anthropic", "/v1/messages"),
      request: [],
      headers: { "content-type": "text/event-stream" },
      answer: pieces(lines.join(end), [3]),
    });
    expect(find(events, "usage")).toMatchObject({ model: "m-1", usage: { inputTokens: 7 } });
    expect(find(events, "turn.ended")?.reason).toBe("end");
  });

  it("counts each vendor's cached tokens as the vendor does", () => {
    const usageOf = (vendor: ModelVendor, path: string, answer: unknown) =>
      find(
        watch({ context: contextOf(vendor, path), request: [], answer: [Buffer.from(JSON.stringify(answer))] }),
        "usage",
      )?.usage;
    expect(
      usageOf("anthropic", "/v1/messages", {
        type: "message",
        model: "m",
        stop_reason: "end_turn",
        usage: {
          input_tokens: 10,
          cache_read_input_tokens: 1000,
          cache_creation_input_tokens: 300,
          cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
          output_tokens: 5,
        },
      }),
    ).toMatchObject({
      inputTokens: 10,
      cachedInputTokens: 1000,
      cacheWriteTokens: 100,
      longCacheWriteTokens: 200,
      outputTokens: 5,
    });
    expect(
      usageOf("openai", "/v1/responses", {
        object: "response",
        status: "completed",
        usage: {
          input_tokens: 1010,
          input_tokens_details: { cached_tokens: 700, cache_write_tokens: 300 },
          output_tokens: 5,
          output_tokens_details: { reasoning_tokens: 3 },
        },
      }),
    ).toMatchObject({ inputTokens: 10, cachedInputTokens: 700, cacheWriteTokens: 300, outputTokens: 5 });
    expect(
      usageOf("gemini", "/v1beta/models/m:generateContent", {
        candidates: [{ finishReason: "STOP" }],
        usageMetadata: {
          promptTokenCount: 1000,
          toolUsePromptTokenCount: 10,
          cachedContentTokenCount: 900,
          candidatesTokenCount: 5,
          thoughtsTokenCount: 7,
        },
      }),
    ).toMatchObject({ inputTokens: 110, cachedInputTokens: 900, outputTokens: 12 });
  });

  it("reads chat completions, whose usage comes last", () => {
    const chunks = [
      { object: "chat.completion.chunk", model: "gpt-5.6-sol", choices: [{ index: 0, delta: { content: "hel" } }] },
      { object: "chat.completion.chunk", choices: [{ index: 0, delta: { content: "lo" } }] },
      {
        object: "chat.completion.chunk",
        choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { name: "shell", arguments: "" } }] } }],
      },
      {
        object: "chat.completion.chunk",
        choices: [
          {
            index: 0,
            delta: { tool_calls: [{ index: 0, function: { arguments: "{}" } }] },
            finish_reason: "tool_calls",
          },
        ],
      },
      {
        object: "chat.completion.chunk",
        choices: [],
        usage: { prompt_tokens: 100, prompt_tokens_details: { cached_tokens: 60 }, completion_tokens: 9 },
      },
    ];
    const answer = [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"]
      .map((data) => `data: ${data}\n\n`)
      .join("");
    const request = JSON.stringify({
      model: "gpt-5.6-sol",
      tools: [{}],
      messages: [
        { content: "first", role: "user" },
        { role: "assistant", content: "x" },
        { role: "tool", content: "y" },
      ],
    });
    const events = watch({
      context: contextOf("openai", "/v1/chat/completions"),
      request: pieces(request, [9]),
      headers: { "content-type": "text/event-stream" },
      answer: pieces(answer, [11]),
    });
    expect(types(events)).toEqual(["turn.started", "text", "tool.use", "usage", "turn.ended"]);
    expect(find(events, "turn.started")).toEqual({
      type: "turn.started",
      model: "gpt-5.6-sol",
      promptHash: promptHash("first"),
      cause: "continuation",
      isSideCall: false,
    });
    expect(find(events, "usage")?.usage).toMatchObject({
      inputTokens: 40,
      cachedInputTokens: 60,
      outputTokens: 9,
      isEstimated: false,
    });
    expect(characters(events)).toBe(5);
  });

  it("reads compressed requests and answers", async () => {
    const { path, contentType, request, answer } = recording("anthropic-run");
    const tap = createModelTap();
    const observer = tap.createObserver(contextOf("anthropic", path, { "Content-Encoding": "zstd" }));
    const ended = untilEnded(tap);
    observer?.onRequestBody(zstdCompressSync(request));
    observer?.onResponseHead({ status: 200, headers: { "content-type": contentType, "content-encoding": "gzip" } });
    for (const chunk of pieces(gzipSync(answer), [40])) observer?.onResponseBody(chunk);
    observer?.onEnd("complete");
    const events = (await ended).map(({ event }) => event);
    expect(events).toContainEqual({ type: "tool.use", name: "Bash" });
    expect(find(events, "turn.started")?.promptHash).toBe(promptHash(recording("anthropic-run").prompt));
  });

  it("P44 takes a hundred thousand tiny pieces and strings without an end in bounded memory", () => {
    const tap = createModelTap();
    const observer = tap.createObserver(contextOf("anthropic", "/v1/messages"));
    observer?.onRequestBody(Buffer.from('{"messages":[{"role":"user","content":"'));
    const piece = Buffer.alloc(1024, "x");
    global.gc?.();
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 100_000; count++)
      observer?.onRequestBody(count % 2 === 0 ? piece : piece.subarray(0, 1));
    observer?.onResponseHead({ status: 200, headers: { "content-type": "text/event-stream" } });
    for (let count = 0; count < 50_000; count++) observer?.onResponseBody(piece);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  it("looks at requests for answers alone", () => {
    const { createObserver } = createModelTap();
    expect(createObserver(contextOf("anthropic", "/v1/messages/count_tokens"))).toBeUndefined();
    expect(createObserver(contextOf("gemini", "/v1beta/models/m:countTokens"))).toBeUndefined();
    expect(createObserver({ ...contextOf("openai", "/v1/responses"), rule: undefined })).toBeUndefined();
  });

  it("ends a reader that stays behind, and no other", async () => {
    const tap = createModelTap();
    const slow = tap.events()[Symbol.asyncIterator]();
    const first = slow.next();
    const observe = () => {
      const observer = tap.createObserver(contextOf("anthropic", "/v1/messages"));
      observer?.onEnd("failed-upstream");
    };
    observe();
    expect((await first).done).toBe(false);
    for (let count = 0; count < 6000; count++) observe();
    await expect(
      (async () => {
        for (;;) await slow.next();
      })(),
    ).rejects.toThrow("fell behind");
  });

  it("sees that no event holds a text of the conversation", () => {
    const events = replay("anthropic", recording("anthropic-run"));
    expect(JSON.stringify(events)).not.toMatch(/Working|hello\.txt|%say/);
  });
});

async function untilEnded(tap: ModelTap): Promise<readonly TapRecord[]> {
  const records: TapRecord[] = [];
  for await (const record of tap.events()) {
    records.push(record);
    if (record.event.type === "turn.ended") break;
  }
  return records;
}
