export type ModelVendor = "anthropic" | "openai" | "gemini";

/** Tokens of one answer, split as they are paid; the four numbers do not overlap. */
export interface TokenUsage {
  /** Read in full. */
  readonly inputTokens: number;
  /** Read from the vendor's cache. */
  readonly cachedInputTokens: number;
  /** Read and written to the cache for minutes, then for an hour (Anthropic alone tells). */
  readonly cacheWriteTokens: number;
  readonly longCacheWriteTokens: number;
  /** Thinking included. */
  readonly outputTokens: number;
  /** True when the vendor's own figures did not arrive: a quarter of the bytes. */
  readonly isEstimated: boolean;
}

export type TurnEndReason =
  /** The model has said all: the agent is done or asks in plain text. */
  | "end"
  | "tool-use"
  | "length"
  | "refused"
  /** The vendor stopped in between and is to be asked again. */
  | "paused"
  | "aborted"
  | "failed";

export type ModelErrorClass = "overloaded" | "rate-limit" | "quota" | "auth" | "request" | "server" | "network";

/** What the model's stream shows. No event holds a text of the user, the model or a tool. */
export type TapEvent =
  | {
      readonly type: "turn.started";
      readonly model: string | undefined;
      /** `promptHash` of the last message that the user wrote; the proof that it left. */
      readonly promptHash: string | undefined;
      /** `continuation`: the request brings a tool's result, not a new prompt. */
      readonly cause: "prompt" | "continuation";
      /** Titles, quota probes, routing: the agent asks for itself. */
      readonly isSideCall: boolean;
    }
  | { readonly type: "text"; readonly characters: number }
  | { readonly type: "tool.use"; readonly name: string }
  /** The model asked the user something through the agent's own tool. */
  | { readonly type: "waiting"; readonly reason: "question" | "plan"; readonly tool: string }
  | { readonly type: "usage"; readonly model: string | undefined; readonly usage: TokenUsage }
  | {
      readonly type: "error";
      readonly class: ModelErrorClass;
      readonly status: number;
      readonly code: string | undefined;
    }
  | { readonly type: "turn.ended"; readonly reason: TurnEndReason };

/** An event with where and when it was seen. */
export interface TapRecord {
  readonly sessionId: string;
  readonly sessionName: string;
  readonly vendor: ModelVendor;
  /** The same for all events of one request and its answer. */
  readonly exchangeId: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly event: TapEvent;
}
