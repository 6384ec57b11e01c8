import { describe, expect, it } from "vitest";

import { createModelTap } from "./create-model-tap.ts";
import { promptHash } from "./prompt-hash.ts";
import type { TapEvent } from "./tap-event.ts";
import { recording, contextOf, watch, pieces, types } from "./tap-exchange.fixture.ts";

describe("The tap", () => {
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
});

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
