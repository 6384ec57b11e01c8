import { createJsonScanner, jsonPaths, type JsonScalar } from "./json-scanner.ts";
import { canonicalPrompt, promptHash } from "./prompt-hash.ts";

/** What a request to a model asks for. */
export interface ModelRequest {
  readonly model: string | undefined;
  readonly promptHash: string | undefined;
  readonly cause: "prompt" | "continuation";
  readonly isSideCall: boolean;
}

export interface ModelRequestReader {
  write(chunk: Uint8Array): void;
  /** The last request was answered under this id: a later one on the same connection may go on from there and name it. */
  setAnswerId(id: string): void;
}

/** What a request that goes on from an earlier answer leaves out. */
type Conversation = Pick<ModelRequest, "cause" | "isSideCall"> & { readonly prompt: string };

const MAX_CONVERSATIONS = 32;

const MAX_PROMPT_CHARACTERS = 1024 * 1024;

/** Conversations of all three vendors: an item, and where its texts are. */
const itemPaths = ["messages[]", "input[]", "contents[]"] as const;
const textPaths: ReadonlySet<string> = new Set(
  itemPaths.flatMap((item) => [`${item}.content`, `${item}.content[].text`, `${item}.parts[].text`]),
);
const toolPaths: ReadonlySet<string> = new Set(["tools[]", "input[].tools[]"]);
const schemaPaths: ReadonlySet<string> = new Set([
  "output_config.format.type",
  "output_format.type",
  "text.format.type",
  "response_format.type",
]);
const resultTypes: ReadonlySet<unknown> = new Set(["tool_result", "function_call_output", "custom_tool_call_output"]);

const paths = jsonPaths([
  "model",
  "max_tokens",
  "generate",
  "previous_response_id",
  "input",
  "generationConfig.responseMimeType",
  ...schemaPaths,
  ...toolPaths,
  ...textPaths,
  ...itemPaths.flatMap((item) => [item, `${item}.role`, `${item}.type`]),
  "messages[].content[].type",
  "contents[].parts[].functionResponse.name",
]);

/** Reads a request as it passes; each JSON document in it is one (a body, or the messages of a WebSocket). */
export function createModelRequestReader(onRequest: (request: ModelRequest) => void): ModelRequestReader {
  let model: string | undefined;
  let hasTools = false;
  let isForProgram = false;
  let isWarmUp = false;
  /** What the user wrote last. */
  let typed: readonly string[] = [];
  let cause: ModelRequest["cause"] | undefined;
  let item = emptyItem();
  let before: Conversation | undefined;
  let last: Conversation | undefined;
  const conversations = new Map<string, Conversation>();

  function endItem(): void {
    const isUser =
      item.role === "user" || (item.role === undefined && item.texts.length > 0 && item.type === undefined);
    if (isUser && item.isTooLong) typed = [];
    else if (isUser && item.texts.some(isTyped)) {
      typed = item.texts;
      cause = "prompt";
    }
    if (item.hasResult || item.role === "tool") cause = "continuation";
    item = emptyItem();
  }

  function take(path: string, value: JsonScalar): void {
    if (textPaths.has(path)) addText(item, value);
    else if (path === "model" && typeof value === "string") model = value.slice(0, 128);
    else if (path === "input" && typeof value === "string") typed = [value];
    else if (path === "max_tokens") isForProgram ||= value === 1;
    else if (path === "generate") isWarmUp = value === false;
    else if (path === "previous_response_id") before = conversations.get(String(value));
    else if (schemaPaths.has(path)) isForProgram ||= value === "json_schema" || value === "json_object";
    else if (path.endsWith("responseMimeType")) isForProgram ||= value === "application/json";
    else if (path.endsWith(".role")) item.role = value;
    else if (path.endsWith("functionResponse.name")) item.hasResult = true;
    else if (path.endsWith(".type")) {
      item.hasResult ||= resultTypes.has(value);
      item.type = value;
    }
  }

  function endRequest(): void {
    const prompt = typed
      .map(canonicalPrompt)
      .filter((text) => text !== "")
      .join("\n");
    const isSideCall = isForProgram || (!hasTools && (before?.isSideCall ?? true));
    last = {
      prompt: prompt === "" ? (before?.prompt ?? "") : prompt,
      cause: cause ?? before?.cause ?? "prompt",
      isSideCall,
    };
    const { prompt: whole, ...rest } = last;
    onRequest({ model, promptHash: promptHash(whole), ...rest, isSideCall: isSideCall || isWarmUp });
    model = undefined;
    hasTools = false;
    isForProgram = false;
    isWarmUp = false;
    typed = [];
    cause = undefined;
    before = undefined;
  }

  const scanner = createJsonScanner(paths, {
    onValue: take,
    // Only what the user wrote is looked at, where it is known who wrote it.
    wantsText: (path) => item.role === undefined || item.role === "user" || !textPaths.has(path),
    onClose: (path) => {
      if (path === "") endRequest();
      else if (toolPaths.has(path)) hasTools = true;
      else endItem();
    },
  });
  return {
    write: (chunk) => scanner.write(chunk),
    setAnswerId(id) {
      if (last === undefined) return;
      conversations.set(id, last);
      const [oldest = ""] = conversations.keys();
      if (conversations.size > MAX_CONVERSATIONS) conversations.delete(oldest);
    },
  };
}

/** Whether anything is left of a text without the blocks that agents add. */
function isTyped(text: string): boolean {
  return (text.includes("<") ? canonicalPrompt(text) : text.trim()) !== "";
}

interface Item {
  role: JsonScalar | undefined;
  type: JsonScalar | undefined;
  texts: string[];
  characters: number;
  isTooLong: boolean;
  hasResult: boolean;
}

function emptyItem(): Item {
  return { role: undefined, type: undefined, texts: [], characters: 0, isTooLong: false, hasResult: false };
}

function addText(item: Item, value: JsonScalar): void {
  if (typeof value !== "string") return;
  item.characters += value.length;
  item.isTooLong = item.characters > MAX_PROMPT_CHARACTERS;
  if (item.isTooLong) item.texts = [];
  else item.texts.push(value);
}
