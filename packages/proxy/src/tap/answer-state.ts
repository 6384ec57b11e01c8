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
  return new Answer(settings);
}

/** A class, because one is made for each answer. */
class Answer implements AnswerLifecycle {
  readonly #settings: AnswerStateSettings;
  readonly #figures: Partial<Record<(typeof usageNames)[number], number>> = {};
  #status = 0;
  #model: string | undefined;
  #characters = 0;
  #flushed = 0;
  #hasFinalUsage = false;
  #reason: TurnEndReason | undefined;
  #tool: string | undefined;
  #isFailed = false;
  #isFinished = false;

  constructor(settings: AnswerStateSettings) {
    this.#settings = settings;
  }

  get hasTool(): boolean {
    return this.#tool !== undefined;
  }

  setStatus(value: number): void {
    this.#status = value;
  }

  setModel(name: unknown): void {
    if (typeof name === "string" && name !== "") this.#model = name.slice(0, 128);
  }

  setAnswerId(id: unknown): void {
    if (typeof id === "string") this.#settings.onAnswerId?.(id);
  }

  text(text: unknown): void {
    if (typeof text !== "string" || text === "" || this.#isFinished) return;
    this.#characters += text.length;
  }

  tool(name: unknown): void {
    if (typeof name !== "string" || this.#isFinished) return;
    this.#tool = name.slice(0, 128);
    this.#emit({ type: "tool.use", name: this.#tool });
  }

  usage(update: UsageFigures, isFinal: boolean): void {
    for (const name of usageNames) {
      const count = update[name];
      if (Number.isSafeInteger(count) && Number(count) >= 0) this.#figures[name] = Number(count);
    }
    this.#hasFinalUsage ||= isFinal && this.#figures.outputTokens !== undefined;
  }

  stop(why: TurnEndReason): void {
    this.#reason = why;
  }

  fail(code: unknown): void {
    const name = typeof code === "string" ? code.slice(0, 64) : undefined;
    this.#failAs({ class: classifyModelError(this.#status, name), code: name });
  }

  flush(): void {
    if (this.#characters === this.#flushed) return;
    this.#settings.emit({ type: "text", characters: this.#characters - this.#flushed });
    this.#flushed = this.#characters;
  }

  finish(): void {
    this.#conclude(this.#reason ?? (this.#isFailed ? "failed" : "end"));
  }

  end(outcome: Parameters<AnswerLifecycle["end"]>[0]): void {
    if (this.#status >= 400) this.fail(undefined);
    if (outcome === "failed-upstream") this.#failAs({ class: "network", code: undefined });
    if (outcome === "aborted-by-client") this.#conclude("aborted");
    else this.#conclude(this.#isFailed ? "failed" : (this.#reason ?? "failed"));
  }

  #failAs(error: Pick<Extract<TapEvent, { type: "error" }>, "class" | "code">): void {
    if (this.#isFailed || this.#isFinished) return;
    this.#isFailed = true;
    this.#emit({ type: "error", ...error, status: this.#status });
  }

  #emit(event: TapEvent): void {
    this.flush();
    this.#settings.emit(event);
  }

  #usageAtEnd(): TokenUsage | undefined {
    const figures = this.#figures;
    if (this.#status >= 400 || (this.#isFailed && figures.inputTokens === undefined)) return undefined;
    const seen = Math.ceil(this.#characters / BYTES_PER_TOKEN);
    const inputTokens = figures.inputTokens ?? Math.ceil(this.#settings.requestBytes() / BYTES_PER_TOKEN);
    return {
      inputTokens,
      cachedInputTokens: figures.cachedInputTokens ?? 0,
      cacheWriteTokens: figures.cacheWriteTokens ?? 0,
      longCacheWriteTokens: figures.longCacheWriteTokens ?? 0,
      outputTokens: this.#hasFinalUsage ? (figures.outputTokens ?? seen) : Math.max(figures.outputTokens ?? 0, seen),
      isEstimated: !this.#hasFinalUsage,
    };
  }

  #conclude(ended: TurnEndReason): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const usage = this.#usageAtEnd();
    if (usage !== undefined) this.#emit({ type: "usage", model: this.#model ?? this.#settings.requestModel(), usage });
    const tool = this.#tool;
    const question = tool !== undefined && Object.hasOwn(questions, tool) ? questions[tool] : undefined;
    if (tool !== undefined && question !== undefined && ended === "tool-use")
      this.#emit({ type: "waiting", reason: question, tool });
    this.#emit({ type: "turn.ended", reason: ended });
  }
}
