import type { AnswerReader, JsonFields } from "./answer-reader.ts";
import type { AnswerState, UsageFigures } from "./answer-state.ts";
import { jsonPaths } from "./json-scanner.ts";
import type { TurnEndReason } from "./tap-event.ts";

const responsePaths = (prefix: string): readonly string[] => [
  `${prefix}model`,
  `${prefix}status`,
  `${prefix}error.code`,
  `${prefix}incomplete_details.reason`,
  `${prefix}usage.input_tokens`,
  `${prefix}usage.input_tokens_details.cached_tokens`,
  `${prefix}usage.input_tokens_details.cache_write_tokens`,
  `${prefix}usage.output_tokens`,
];

const paths = jsonPaths([
  "type",
  "object",
  "status",
  "delta",
  "response.id",
  "item.type",
  "item.name",
  "code",
  "error.type",
  ...responsePaths(""),
  ...responsePaths("response."),
  "output[]",
  "output[].type",
  "output[].name",
  "output[].content[]",
  "output[].content[].text",
  "choices[]",
  "choices[].finish_reason",
  "choices[].delta.content",
  "choices[].message.content",
  "choices[].delta.tool_calls[]",
  "choices[].delta.tool_calls[].function.name",
  "choices[].message.tool_calls[]",
  "choices[].message.tool_calls[].function.name",
  "usage.prompt_tokens",
  "usage.prompt_tokens_details.cached_tokens",
  "usage.prompt_tokens_details.cache_write_tokens",
  "usage.completion_tokens",
]);

const finishReasons: Readonly<Record<string, TurnEndReason>> = {
  stop: "end",
  length: "length",
  tool_calls: "tool-use",
  function_call: "tool-use",
  content_filter: "refused",
};

/** The Responses API (events, WebSocket messages, whole answers) and Chat Completions. */
export const openaiAnswer: AnswerReader = {
  paths,
  readItem(path, fields, state) {
    switch (path) {
      case "output[]":
        if (isCall(fields.get("output[].type"))) state.tool(fields.get("output[].name"));
        break;
      case "output[].content[]":
        state.text(fields.get("output[].content[].text"));
        break;
      case "choices[].delta.tool_calls[]":
      case "choices[].message.tool_calls[]":
        state.tool(fields.get(`${path}.function.name`));
        break;
      case "choices[]":
        readChoice(fields, state);
        break;
      default:
    }
  },
  readDocument(fields, state) {
    const type = fields.get("type");
    if (type === "response.output_text.delta") state.text(fields.get("delta"));
    else if (type === "response.output_item.added") {
      if (isCall(fields.get("item.type"))) state.tool(fields.get("item.name"));
    } else if (typeof type === "string" && type.startsWith("response.")) readResponse(type, fields, state);
    else if (type === "error" || (fields.get("error.type") !== undefined && fields.get("object") === undefined)) {
      state.fail(fields.get("error.code") ?? fields.get("code") ?? fields.get("error.type"));
    } else if (fields.get("object") === "response" || fields.get("object") === "response.compaction")
      endResponse(fields, "", state);
    else readChat(fields, state);
  },
};

function isCall(type: unknown): boolean {
  return type === "function_call" || type === "custom_tool_call" || type === "local_shell_call";
}

function readResponse(type: string, fields: JsonFields, state: AnswerState): void {
  state.setModel(fields.get("response.model"));
  state.setAnswerId(fields.get("response.id"));
  if (type === "response.completed" || type === "response.incomplete" || type === "response.failed") {
    endResponse(fields, "response.", state);
  }
}

function endResponse(fields: JsonFields, prefix: "" | "response.", state: AnswerState): void {
  state.setModel(fields.get(`${prefix}model`));
  state.usage(usageOf(fields, `${prefix}usage.`, { read: "input_tokens", written: "output_tokens" }), true);
  const status = fields.get(`${prefix}status`);
  if (status === "failed") state.fail(fields.get(`${prefix}error.code`));
  else if (status === "incomplete") {
    state.stop(fields.get(`${prefix}incomplete_details.reason`) === "content_filter" ? "refused" : "length");
  } else state.stop(state.hasTool ? "tool-use" : "end");
  state.finish();
}

function readChoice(fields: JsonFields, state: AnswerState): void {
  state.text(fields.get("choices[].delta.content"));
  state.text(fields.get("choices[].message.content"));
  const reason = fields.get("choices[].finish_reason");
  if (typeof reason !== "string") return;
  state.stop(Object.hasOwn(finishReasons, reason) ? (finishReasons[reason] ?? "end") : "end");
}

/** The usage comes in a last chunk, and only when it was asked for; `[DONE]` is a document without fields. */
function readChat(fields: JsonFields, state: AnswerState): void {
  state.setModel(fields.get("model"));
  if (fields.has("usage.prompt_tokens")) {
    state.usage(usageOf(fields, "usage.", { read: "prompt_tokens", written: "completion_tokens" }), true);
  }
  if (fields.size === 0 || fields.get("object") === "chat.completion") state.finish();
}

/** What was read from and written to the cache is part of the tokens read. */
function usageOf(
  fields: JsonFields,
  prefix: string,
  names: { readonly read: string; readonly written: string },
): UsageFigures {
  const read = fields.get(`${prefix}${names.read}`);
  const cached = fields.get(`${prefix}${names.read}_details.cached_tokens`);
  const cacheWrites = fields.get(`${prefix}${names.read}_details.cache_write_tokens`);
  const elsewhere = Number(cached ?? 0) + Number(cacheWrites ?? 0);
  return {
    inputTokens: typeof read === "number" ? Math.max(0, read - elsewhere) : undefined,
    cachedInputTokens: cached,
    cacheWriteTokens: cacheWrites,
    outputTokens: fields.get(`${prefix}${names.written}`),
  };
}
