import { randomUUID } from "node:crypto";

import type {
  CreateExchangeObserver,
  ExchangeContext,
  ExchangeObserver,
  ExchangeResponseHead,
} from "../exchange/exchange-observer.ts";
import { createBodyDecoder, type BodyDecoder } from "../redact/body-decoder.ts";
import { createAnswerParser, type AnswerParser } from "./answer-parser.ts";
import type { AnswerReader } from "./answer-reader.ts";
import { createAnswerState } from "./answer-state.ts";
import { anthropicAnswer } from "./anthropic-answer.ts";
import { geminiAnswer } from "./gemini-answer.ts";
import { modelVendor } from "./model-vendor.ts";
import { openaiAnswer } from "./openai-answer.ts";
import { createModelRequestReader, type ModelRequest } from "./read-model-request.ts";
import { createRecordQueue } from "./record-queue.ts";
import type { ModelVendor, TapEvent, TapRecord } from "./tap-event.ts";
import { createWebSocketTexts } from "./websocket-texts.ts";

/** Reads what agents and models say to each other from the exchanges that pass, without holding them up. */
export interface ModelTap {
  /** For the transport. */
  readonly createObserver: CreateExchangeObserver;
  /** Every record from now on, to any number of readers. */
  events(options?: { readonly signal?: AbortSignal | undefined }): AsyncIterable<TapRecord>;
}

export interface ModelTapSettings {
  /** Called on the data path before readers see the record: the budget counts here. Must not throw. */
  readonly onRecord?: ((record: TapRecord) => void) | undefined;
  readonly now?: (() => Date) | undefined;
}

const readers: Readonly<Record<ModelVendor, AnswerReader>> = {
  anthropic: anthropicAnswer,
  openai: openaiAnswer,
  gemini: geminiAnswer,
};

export function createModelTap({ onRecord, now = () => new Date() }: ModelTapSettings = {}): ModelTap {
  const queue = createRecordQueue();
  return {
    createObserver(context) {
      const vendor = modelVendor(context);
      if (vendor === undefined) return undefined;
      const { sessionId, sessionName } = context.identity;
      let exchangeId = randomUUID();
      const emit = (event: TapEvent): void => {
        const record = { sessionId, sessionName, vendor, exchangeId, at: timestamp(now()), event };
        onRecord?.(record);
        queue.push(record);
      };
      const renew = (): void => {
        exchangeId = randomUUID();
      };
      return context.request.isUpgrade ? observeWebSocket(vendor, emit, renew) : observeExchange(vendor, context, emit);
    },
    events: (options) => queue.subscribe(options?.signal),
  };
}

function observeExchange(
  vendor: ModelVendor,
  context: ExchangeContext,
  emit: (event: TapEvent) => void,
): ExchangeObserver {
  const header = (name: string) => context.request.headers.find((header) => header.name.toLowerCase() === name)?.value;
  const pathModel = /\/models\/([^/:]+):/.exec(context.request.path)?.[1];
  let model = pathModel;
  let requestBytes = 0;
  let parser: AnswerParser | undefined;
  let answerBody: BodyDecoder | undefined;
  const state = createAnswerState({ emit, requestModel: () => model, requestBytes: () => requestBytes });
  const reader = createModelRequestReader((request) => {
    model = request.model ?? pathModel;
    emit(started({ ...request, model }));
  });
  const requestBody = createBodyDecoder(header("content-encoding"), (bytes) => {
    requestBytes += bytes.length;
    reader.write(bytes);
  });
  return {
    onRequestBody(chunk) {
      if (requestBody === undefined) requestBytes += chunk.length;
      else requestBody.write(chunk);
    },
    onResponseHead({ status, headers }: ExchangeResponseHead) {
      if (status < 200) return;
      state.setStatus(status);
      const type = headers["content-type"] ?? "";
      const answerParser = createAnswerParser(readers[vendor], state, type.includes("event-stream"));
      parser = answerParser;
      answerBody = createBodyDecoder(headers["content-encoding"], (bytes) => {
        answerParser.write(bytes);
        state.flush();
      });
    },
    onResponseBody(chunk) {
      answerBody?.write(chunk);
    },
    onEnd(outcome) {
      requestBody?.end(() => undefined);
      if (answerBody === undefined || parser === undefined) state.end(outcome);
      else answerBody.end(() => state.end(outcome));
    },
  };
}

/** Over a WebSocket each message of the client asks for an answer, one after the other. */
function observeWebSocket(vendor: ModelVendor, emit: (event: TapEvent) => void, renew: () => void): ExchangeObserver {
  let model: string | undefined;
  let requestBytes = 0;
  let status = 0;
  const newState = () =>
    createAnswerState({
      emit,
      requestModel: () => model,
      requestBytes: () => requestBytes,
      onAnswerId: (id) => reader.setAnswerId(id),
    });
  let state: ReturnType<typeof newState> | undefined;
  let answers: AnswerParser | undefined;
  const reader = createModelRequestReader((request) => {
    state?.end("aborted-by-client");
    renew();
    model = request.model;
    emit(started(request));
    state = newState();
    state.setStatus(200);
    answers = createAnswerParser(readers[vendor], state, false);
  });
  const fromClient = createWebSocketTexts((bytes, isStart) => {
    requestBytes = bytes.length + (isStart ? 0 : requestBytes);
    reader.write(bytes);
  });
  const fromServer = createWebSocketTexts((bytes) => {
    answers?.write(bytes);
    state?.flush();
  });
  return {
    onRequestBody: (chunk) => fromClient.write(chunk),
    onResponseHead(head) {
      status = head.status;
    },
    onResponseBody(chunk) {
      if (status === 101) fromServer.write(chunk);
    },
    onEnd(outcome) {
      if (outcome === "complete" && state !== undefined) state.end("aborted-by-client");
      else state?.end(outcome);
    },
  };
}

let stampMs = Number.NaN;
let stamp = "";

/** Records come several to the millisecond. */
function timestamp(time: Date): string {
  const timeMs = time.getTime();
  if (timeMs === stampMs) return stamp;
  stamp = time.toISOString();
  stampMs = timeMs;
  return stamp;
}

function started(request: ModelRequest): TapEvent {
  return { type: "turn.started", ...request };
}
