import { classifyModelError } from "./classify-model-error.ts";
import type { TapEvent, TokenUsage, TurnEndReason } from "./tap-event.ts";

/** What is known of one answer; the same for every vendor. */
export interface AnswerState {
  setModel(model: unknown): void;
  setAnswerId(id: unknown): void;
  text(text: unknown): void;
  tool(name: unknown): void;
  /** Later figures replace earlier ones of the same name. `isFinal` = the vendor counted the whole answer. */
  usage(figures: UsageFigures, isFinal: boolean): void;
  stop(reason: TurnEndReason): void;
  fail(code: unknown): void;
  /** The answer said that it is over; what comes later is not looked at. */
  finish(): void;
  readonly hasTool: boolean;
}

/** Whatever the vendor sent under these names; what is no count is left out. */
export type UsageFigures = Readonly<Partial<Record<Exclude<keyof TokenUsage, "isEstimated">, unknown>>>;

/** The part for whoever sees the exchange from outside. */
export interface AnswerLifecycle extends AnswerState {
  setStatus(status: number): void;
  /** Emits the length of the texts since the last time: one event for all that came together. */
  flush(): void;
  end(outcome: "complete" | "aborted-by-client" | "failed-upstream"): void;
}

export interface AnswerStateSettings {
  readonly emit: (event: TapEvent) => void;
  readonly requestModel: () => string | undefined;
  readonly onAnswerId?: ((id: string) => void) | undefined;
  /** For estimates. */
  readonly requestBytes: () => number;
}

/** Tools with which agents ask their user: Claude Code, Gemini CLI, Codex. */
const questions: Readonly<Record<string, "question" | "plan">> = {
  AskUserQuestion: "question",
  ask_user: "question",
  request_user_input: "question",
  ExitPlanMode: "plan",
  exit_plan_mode: "plan",
};

const BYTES_PER_TOKEN = 4;

const usageNames = [
  "inputTokens",
  "cachedInputTokens",
  "cacheWriteTokens",
  "longCacheWriteTokens",
  "outputTokens",
] as const satisfies readonly (keyof UsageFigures)[];

export function createAnswerState(settings: AnswerStateSettings): AnswerLifecycle {
  const { emit: emitNow, requestModel, requestBytes } = settings;
  let status = 0;
  let model: string | undefined;
  let characters = 0;
  let flushed = 0;
  const figures: Partial<Record<(typeof usageNames)[number], number>> = {};
  let hasFinalUsage = false;
  let reason: TurnEndReason | undefined;
  let tool: string | undefined;
  let isFailed = false;
  let isFinished = false;

  function flush(): void {
    if (characters === flushed) return;
    emitNow({ type: "text", characters: characters - flushed });
    flushed = characters;
  }

  function emit(event: TapEvent): void {
    flush();
    emitNow(event);
  }

  function usageAtEnd(): TokenUsage | undefined {
    if (status >= 400 || (isFailed && figures.inputTokens === undefined)) return undefined;
    const seen = Math.ceil(characters / BYTES_PER_TOKEN);
    const inputTokens = figures.inputTokens ?? Math.ceil(requestBytes() / BYTES_PER_TOKEN);
    return {
      inputTokens,
      cachedInputTokens: figures.cachedInputTokens ?? 0,
      cacheWriteTokens: figures.cacheWriteTokens ?? 0,
      longCacheWriteTokens: figures.longCacheWriteTokens ?? 0,
      outputTokens: hasFinalUsage ? (figures.outputTokens ?? seen) : Math.max(figures.outputTokens ?? 0, seen),
      isEstimated: !hasFinalUsage,
    };
  }

  function conclude(ended: TurnEndReason): void {
    if (isFinished) return;
    isFinished = true;
    const usage = usageAtEnd();
    if (usage !== undefined) emit({ type: "usage", model: model ?? requestModel(), usage });
    const question = tool !== undefined && Object.hasOwn(questions, tool) ? questions[tool] : undefined;
    if (tool !== undefined && question !== undefined && ended === "tool-use") {
      emit({ type: "waiting", reason: question, tool });
    }
    emit({ type: "turn.ended", reason: ended });
  }

  function fail(code: unknown): void {
    if (isFailed || isFinished) return;
    isFailed = true;
    const name = typeof code === "string" ? code.slice(0, 64) : undefined;
    emit({ type: "error", class: classifyModelError(status, name), status, code: name });
  }

  return {
    get hasTool() {
      return tool !== undefined;
    },
    setStatus(value) {
      status = value;
    },
    setModel(name) {
      if (typeof name === "string" && name !== "") model = name.slice(0, 128);
    },
    setAnswerId(id) {
      if (typeof id === "string") settings.onAnswerId?.(id);
    },
    text(text) {
      if (typeof text !== "string" || text === "" || isFinished) return;
      characters += text.length;
    },
    tool(name) {
      if (typeof name !== "string" || isFinished) return;
      tool = name.slice(0, 128);
      emit({ type: "tool.use", name: tool });
    },
    usage(update, isFinal) {
      for (const name of usageNames) {
        const count = update[name];
        if (Number.isSafeInteger(count) && Number(count) >= 0) figures[name] = Number(count);
      }
      hasFinalUsage ||= isFinal && figures.outputTokens !== undefined;
    },
    stop(why) {
      reason = why;
    },
    fail,
    flush,
    finish() {
      conclude(reason ?? (isFailed ? "failed" : "end"));
    },
    end(outcome) {
      if (status >= 400) fail(undefined);
      if (outcome === "failed-upstream" && !isFailed && !isFinished) {
        isFailed = true;
        emit({ type: "error", class: "network", status, code: undefined });
      }
      if (outcome === "aborted-by-client") conclude("aborted");
      else conclude(isFailed ? "failed" : (reason ?? "failed"));
    },
  };
}
