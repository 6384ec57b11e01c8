import type { AnswerReader, JsonFields } from "./answer-reader.ts";
import type { AnswerState, UsageFigures } from "./answer-state.ts";
import { jsonPaths } from "./json-scanner.ts";
import type { TurnEndReason } from "./tap-event.ts";

const usageNames = [
  "input_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
  "cache_creation.ephemeral_1h_input_tokens",
  "output_tokens",
] as const;

const paths = jsonPaths([
  "type",
  "model",
  "stop_reason",
  "error.type",
  "message.model",
  "content_block.type",
  "content_block.name",
  "delta.type",
  "delta.text",
  "delta.stop_reason",
  "content[]",
  "content[].type",
  "content[].text",
  "content[].name",
  ...usageNames.flatMap((name) => [`usage.${name}`, `message.usage.${name}`]),
]);

/** https://platform.claude.com/docs/en/api/messages: `stop_reason`. */
const reasons: Readonly<Record<string, TurnEndReason>> = {
  end_turn: "end",
  stop_sequence: "end",
  tool_use: "tool-use",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  refusal: "refused",
  pause_turn: "paused",
};

/** The Messages API, streamed and whole. */
export const anthropicAnswer: AnswerReader = {
  paths,
  readItem(path, fields, state) {
    if (path !== "content[]") return;
    state.text(fields.get("content[].text"));
    if (fields.get("content[].type") === "tool_use") state.tool(fields.get("content[].name"));
  },
  readDocument(fields, state) {
    switch (fields.get("type")) {
      case "message_start":
        state.setModel(fields.get("message.model"));
        state.usage(usageOf(fields, "message.usage."), false);
        break;
      case "content_block_start":
        if (fields.get("content_block.type") === "tool_use") state.tool(fields.get("content_block.name"));
        break;
      case "content_block_delta":
        if (fields.get("delta.type") === "text_delta") state.text(fields.get("delta.text"));
        break;
      case "message_delta":
        stop(fields.get("delta.stop_reason"), state);
        state.usage(usageOf(fields, "usage."), true);
        break;
      case "message_stop":
        state.finish();
        break;
      case "error":
        state.fail(fields.get("error.type"));
        break;
      case "message":
        state.setModel(fields.get("model"));
        stop(fields.get("stop_reason"), state);
        state.usage(usageOf(fields, "usage."), true);
        state.finish();
        break;
      default:
    }
  },
};

function stop(reason: unknown, state: AnswerState): void {
  if (typeof reason === "string") state.stop(Object.hasOwn(reasons, reason) ? (reasons[reason] ?? "end") : "end");
}

/** `input_tokens` leaves out what was read from or written to the cache; `cache_creation_input_tokens` is the sum of both lifetimes. */
function usageOf(fields: JsonFields, prefix: string): UsageFigures {
  const written = fields.get(`${prefix}cache_creation_input_tokens`);
  const longWritten = fields.get(`${prefix}cache_creation.ephemeral_1h_input_tokens`);
  return {
    inputTokens: fields.get(`${prefix}input_tokens`),
    cachedInputTokens: fields.get(`${prefix}cache_read_input_tokens`),
    cacheWriteTokens: typeof written === "number" ? written - Number(longWritten ?? 0) : undefined,
    longCacheWriteTokens: longWritten,
    outputTokens: fields.get(`${prefix}output_tokens`),
  };
}
