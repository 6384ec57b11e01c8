import { readFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import { createModelTap, type ModelTap } from "./create-model-tap.ts";
import { promptHash } from "./prompt-hash.ts";
import type { ModelVendor, TapEvent, TapRecord } from "./tap-event.ts";

interface Recording {
  readonly path: string;
  readonly status: number;
  readonly contentType: string;
  readonly prompt: string;
  readonly request: string;
  readonly answer: string;
}

const vendors = ["anthropic", "openai", "gemini"] as const;

function recording(name: string): Recording {
  const file = new URL(`../../test/fixtures/model/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Recording;
}

function contextOf(vendor: ModelVendor, path: string, headers: Readonly<Record<string, string>> = {}): ExchangeContext {
  const policy = { accessMode: "read-write", network: "open", allow: [], deny: [], isIsolated: true } as const;
  return {
    identity: { sessionId: "id-1", sessionName: "fix", policy },
    request: {
      target: { scheme: "https", host: "model.example", port: 443 },
      method: headers["upgrade"] === undefined ? "POST" : "GET",
      path,
      query: "",
      headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
      isUpgrade: headers["upgrade"] !== undefined,
    },
    rule: { id: vendor, description: "", host: "model.example", protocol: vendor },
  };
}

interface Exchange {
  readonly context: ExchangeContext;
  readonly request: readonly Uint8Array[];
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answer: readonly Uint8Array[];
  readonly outcome?: "complete" | "aborted-by-client" | "failed-upstream";
}

function watch({
  context,
  request,
  status = 200,
  headers = {},
  answer,
  outcome = "complete",
}: Exchange): readonly TapEvent[] {
  const events: TapEvent[] = [];
  const tap = createModelTap({ onRecord: (record) => events.push(record.event) });
  const observer = tap.createObserver(context);
  for (const chunk of request) observer?.onRequestBody(chunk);
  observer?.onResponseHead({ status, headers });
  for (const chunk of answer) observer?.onResponseBody(chunk);
  observer?.onEnd(outcome);
  return events;
}

function replay(
  vendor: ModelVendor,
  { path, status, contentType, request, answer }: Recording,
  sizes: readonly number[] = [1 << 20],
): readonly TapEvent[] {
  return watch({
    context: contextOf(vendor, path),
    request: pieces(request, sizes),
    status,
    headers: { "content-type": contentType },
    answer: pieces(answer, sizes),
  });
}

function pieces(text: string | Uint8Array, sizes: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}

const types = (events: readonly TapEvent[]): readonly string[] =>
  events.map(({ type }) => type).filter((type, index, all) => type !== "text" || all[index - 1] !== "text");
const find = <Type extends TapEvent["type"]>(events: readonly TapEvent[], type: Type) =>
  events.find((event): event is Extract<TapEvent, { type: Type }> => event.type === type);
/** How many text events there are depends on how the bytes came. */
const merged = (events: readonly TapEvent[]): readonly unknown[] => [
  events.filter(({ type }) => type !== "text"),
  types(events),
  characters(events),
];
const characters = (events: readonly TapEvent[]): number =>
  events.reduce((sum, event) => sum + (event.type === "text" ? event.characters : 0), 0);
const tools = { anthropic: "Bash", openai: "exec_command", gemini: "run_shell_command" };

describe.each(vendors)("The tap on %s", (vendor) => {
  it("tells a plain answer: started with the prompt's hash, text, usage, ended", () => {
    const say = recording(`${vendor}-say`);
    const events = replay(vendor, say);
    expect(types(events)).toEqual(["turn.started", "text", "usage", "turn.ended"]);
    expect(find(events, "turn.started")).toMatchObject({
      promptHash: promptHash(say.prompt),
      cause: "prompt",
      isSideCall: false,
    });
    expect(characters(events)).toBe('Grüße, "friend"'.length);
    expect(find(events, "usage")?.usage).toEqual({
      inputTokens: 1200,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      longCacheWriteTokens: 0,
      outputTokens: 34,
      isEstimated: false,
    });
    expect(find(events, "usage")?.model).toBe(
      { anthropic: "claude-sonnet-5", openai: "gpt-5.1-codex", gemini: "gemini-3.8-flash" }[vendor],
    );
    expect(find(events, "turn.ended")?.reason).toBe("end");
  });

  it.each(["", "-whole"])("tells a tool's name and that the agent goes on (run%s)", (suffix) => {
    const events = replay(vendor, recording(`${vendor}-run${suffix}`));
    expect(types(events)).toEqual(["turn.started", "text", "tool.use", "usage", "turn.ended"]);
    expect(find(events, "tool.use")?.name).toBe(tools[vendor]);
    expect(find(events, "turn.ended")?.reason).toBe("tool-use");
    expect(find(events, "usage")?.usage).toMatchObject({ inputTokens: 900, outputTokens: 55, isEstimated: false });
  });

  it("tells an overload by its class", () => {
    const events = replay(vendor, recording(`${vendor}-overload`));
    expect(types(events)).toEqual(["turn.started", "error", "turn.ended"]);
    expect(find(events, "error")).toMatchObject({ class: "overloaded", status: 529 });
    expect(find(events, "turn.ended")?.reason).toBe("failed");
  });

  it("tells the same however the bytes are split", () => {
    const names = ["say", "run", "run-whole", "ask", "overload", "stream"].map((name) =>
      recording(`${vendor}-${name}`),
    );
    const whole = new Map(names.map((one) => [one, merged(replay(vendor, one))]));
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
        (one, sizes) => {
          expect(merged(replay(vendor, one, sizes))).toEqual(whole.get(one));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("never throws on garbage", () => {
    const { path, contentType, request, answer } = recording(`${vendor}-run`);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(answer.length), (garbage, at) => {
        const bytes = Buffer.concat([Buffer.from(answer.slice(0, at)), garbage, Buffer.from(answer.slice(at))]);
        const events = watch({
          context: contextOf(vendor, path),
          request: [garbage, Buffer.from(request)],
          headers: { "content-type": contentType },
          answer: pieces(bytes, [50]),
        });
        expect(events.filter(({ type }) => type === "turn.ended").length).toBe(1);
      }),
      { numRuns: 60 },
    );
  });

  it("estimates what an answer cost that the user stopped", () => {
    const { path, contentType, request, answer } = recording(`${vendor}-stream`);
    const events = watch({
      context: contextOf(vendor, path),
      request: [Buffer.from(request)],
      headers: { "content-type": contentType },
      answer: [Buffer.from(answer.slice(0, answer.length / 2))],
      outcome: "aborted-by-client",
    });
    expect(find(events, "turn.ended")?.reason).toBe("aborted");
    expect(find(events, "usage")?.usage).toMatchObject({ isEstimated: true });
    expect(find(events, "usage")?.usage.outputTokens).toBeGreaterThanOrEqual(Math.ceil(characters(events) / 4));
  });

  it("tells a stream that broke", () => {
    const { path, contentType, request, answer } = recording(`${vendor}-stream`);
    const events = watch({
      context: contextOf(vendor, path),
      request: [Buffer.from(request)],
      headers: { "content-type": contentType },
      answer: [Buffer.from(answer.slice(0, 400))],
      outcome: "failed-upstream",
    });
    expect(find(events, "error")?.class).toBe("network");
    expect(find(events, "turn.ended")?.reason).toBe("failed");
  });
});

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

  it("reads the messages of a WebSocket, masked and in fragments", () => {
    const { request, answer } = recording("openai-run");
    const context = contextOf("openai", "/v1/responses", { upgrade: "websocket" });
    const toServer = frames(request, { isMasked: true, size: 100 });
    const toClient = [...answer.matchAll(/^data: (.*)$/gm)].flatMap(([, json = ""]) =>
      frames(json, { isMasked: false, size: 70_000 }),
    );
    const twice = Buffer.concat([...toServer, ...toServer]);
    const events = watch({
      context,
      request: pieces(Buffer.concat(toServer), [13]),
      status: 101,
      answer: pieces(Buffer.concat(toClient), [17, 3]),
    });
    expect(types(events)).toEqual(["turn.started", "text", "tool.use", "usage", "turn.ended"]);
    const again = watch({ context, request: [twice], status: 101, answer: toClient });
    expect(again.filter(({ type }) => type === "turn.ended").map((event) => "reason" in event && event.reason)).toEqual(
      ["aborted", "tool-use"],
    );
  });

  it("follows a conversation over a WebSocket, whose later messages hold only what is new", () => {
    const message = (id: string, answered: unknown): string =>
      JSON.stringify({ type: "response.create", model: "m", previous_response_id: id, ...(answered as object) });
    const user = (text: string) => ({ type: "message", role: "user", content: [{ type: "input_text", text }] });
    const tools = { type: "additional_tools", role: "developer", tools: [{ type: "function", name: "exec" }] };
    const asked = [
      JSON.stringify({ model: "m", generate: false, input: [] }),
      message("r1", { input: [tools, user("<environment_context>x</environment_context>"), user("fix it")] }),
      message("r2", { input: [{ type: "custom_tool_call_output", output: "ok" }] }),
      message("elsewhere", { input: [{ type: "custom_tool_call_output", output: "ok" }] }),
    ];
    const events: TapEvent[] = [];
    const tap = createModelTap({ onRecord: (record) => events.push(record.event) });
    const observer = tap.createObserver(contextOf("openai", "/v1/responses", { upgrade: "websocket" }));
    observer?.onResponseHead({ status: 101, headers: {} });
    for (const [index, text] of asked.entries()) {
      observer?.onRequestBody(Buffer.concat(frames(text, { isMasked: true, size: 9 })));
      const response = {
        id: `r${index + 1}`,
        model: "m",
        status: "completed",
        usage: { input_tokens: 1, output_tokens: 1 },
      };
      for (const type of ["response.created", "response.completed"]) {
        observer?.onResponseBody(
          Buffer.concat(frames(JSON.stringify({ type, response }), { isMasked: false, size: 1000 })),
        );
      }
    }
    const hash = promptHash("fix it");
    expect(events.filter(({ type }) => type === "turn.started")).toEqual([
      { type: "turn.started", model: "m", promptHash: undefined, cause: "prompt", isSideCall: true },
      { type: "turn.started", model: "m", promptHash: hash, cause: "prompt", isSideCall: false },
      { type: "turn.started", model: "m", promptHash: hash, cause: "continuation", isSideCall: false },
      { type: "turn.started", model: "m", promptHash: undefined, cause: "continuation", isSideCall: true },
    ]);
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

describe("promptHash", () => {
  it.each([
    ["fix it", "  fix it\r\n"],
    ["a\nb", "a\r\nb"],
    ["é", "e\u0301"],
    ["fix it", "<system-reminder>\nx\n</system-reminder>\nfix it\n<env>y</env>"],
  ])("takes %j and %j for the same", (left, right) => {
    expect(promptHash(left)).toBe(promptHash(right));
  });

  it("keeps tags that are part of the prompt's lines", () => {
    expect(promptHash("why is <b>x</b> bold")).not.toBe(promptHash("why is  bold"));
    expect(promptHash("<system-reminder>x</system-reminder>")).toBeUndefined();
  });

  it("takes linear time for many openings", () => {
    expect(promptHash("<a>\n".repeat(250_000))).toBeDefined();
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

function frames(
  text: string,
  { isMasked, size }: { readonly isMasked: boolean; readonly size: number },
): readonly Buffer[] {
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    const isLast = at + size >= bytes.length;
    const mask = isMasked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0);
    const length = piece.length < 126 ? [piece.length] : [126, piece.length >> 8, piece.length & 255];
    length[0] = (length[0] ?? 0) | (isMasked ? 0x80 : 0);
    const payload = isMasked ? piece.map((byte, index) => byte ^ (mask[index & 3] ?? 0)) : piece;
    parts.push(Buffer.concat([Buffer.from([(isLast ? 0x80 : 0) | (at === 0 ? 1 : 0), ...length]), mask, payload]));
    // A ping between fragments is not part of the message.
    if (!isLast) parts.push(Buffer.from([0x89, isMasked ? 0x80 : 0, ...(isMasked ? [0, 0, 0, 0] : [])]));
  }
  return parts;
}
