import type { AnswerReader, JsonFields } from "./answer-reader.ts";
import type { AnswerState } from "./answer-state.ts";
import { jsonPaths } from "./json-scanner.ts";
import type { TurnEndReason } from "./tap-event.ts";

const PART = "candidates[].content.parts[]";

const names = [
  "error.status",
  "modelVersion",
  "candidates[].finishReason",
  PART,
  `${PART}.text`,
  `${PART}.thought`,
  `${PART}.functionCall.name`,
  "usageMetadata.promptTokenCount",
  "usageMetadata.toolUsePromptTokenCount",
  "usageMetadata.cachedContentTokenCount",
  "usageMetadata.candidatesTokenCount",
  "usageMetadata.thoughtsTokenCount",
];

/** https://ai.google.dev/api/generate-content#FinishReason; all others are refusals of some kind. */
const reasons: Readonly<Record<string, TurnEndReason>> = {
  STOP: "end",
  MAX_TOKENS: "length",
  MALFORMED_FUNCTION_CALL: "failed",
};

/** `generateContent`, and `streamGenerateContent` as events and as one array. */
export const geminiAnswer: AnswerReader = {
  paths: jsonPaths([...names, "[]", ...names.map((name) => `[].${name}`)]),
  readItem(path, fields, state) {
    if (path !== PART) return;
    if (fields.get(`${PART}.thought`) !== true) state.text(fields.get(`${PART}.text`));
    state.tool(fields.get(`${PART}.functionCall.name`));
  },
  readDocument(fields, state) {
    if (fields.has("error.status")) state.fail(fields.get("error.status"));
    state.setModel(fields.get("modelVersion"));
    const reason = fields.get("candidates[].finishReason");
    readUsage(fields, state, typeof reason === "string");
    if (typeof reason !== "string") return;
    const stopped = Object.hasOwn(reasons, reason) ? (reasons[reason] ?? "end") : "refused";
    state.stop(stopped === "end" && state.hasTool ? "tool-use" : stopped);
    state.finish();
  },
};

/** `promptTokenCount` holds the cached ones; thinking is counted apart and paid as output. */
function readUsage(fields: JsonFields, state: AnswerState, isFinal: boolean): void {
  const count = (name: string): number => Number(fields.get(`usageMetadata.${name}`) ?? 0);
  if (!fields.has("usageMetadata.promptTokenCount")) return;
  const cached = count("cachedContentTokenCount");
  state.usage(
    {
      inputTokens: Math.max(0, count("promptTokenCount") + count("toolUsePromptTokenCount") - cached),
      cachedInputTokens: cached,
      outputTokens: count("candidatesTokenCount") + count("thoughtsTokenCount"),
    },
    isFinal,
  );
}
