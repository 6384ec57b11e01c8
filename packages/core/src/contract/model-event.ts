/** Tokens of one answer of a model, split as they are paid; the numbers do not overlap. */
export interface ModelUsage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly cacheWriteTokens: number;
  readonly longCacheWriteTokens: number;
  readonly outputTokens: number;
  /** True when the vendor's own figures did not arrive. */
  readonly isEstimated: boolean;
}

/** What an agent and its model were seen to do, by the proxy between them. Holds no text of either. */
export type ModelEventBody = ModelExchange &
  (
    | {
        readonly type: "model.turn-started";
        readonly model?: string | undefined;
        /** `promptHash` of `@clauderon/proxy` over the last message that the user wrote: the proof that it left. */
        readonly promptHash?: string | undefined;
        /** `continuation`: the request brings a tool's result, not a new prompt. */
        readonly cause: "prompt" | "continuation";
        /** The agent asks for itself: titles, quota probes. */
        readonly isSideCall: boolean;
      }
    /** How much the model wrote since the last such event of the exchange. */
    | { readonly type: "model.text"; readonly characters: number }
    | { readonly type: "model.tool-used"; readonly tool: string }
    /** The model asked the user something through the agent's own tool. */
    | { readonly type: "model.waiting"; readonly reason: "question" | "plan"; readonly tool: string }
    | { readonly type: "model.usage"; readonly model?: string | undefined; readonly usage: ModelUsage }
    | {
        readonly type: "model.error";
        readonly class: "overloaded" | "rate-limit" | "quota" | "auth" | "request" | "server" | "network";
        readonly status: number;
        readonly code?: string | undefined;
      }
    | {
        readonly type: "model.turn-ended";
        readonly reason: "end" | "tool-use" | "length" | "refused" | "paused" | "aborted" | "failed";
      }
  );

interface ModelExchange {
  readonly vendor: "anthropic" | "openai" | "gemini";
  /** The same for all events of one request and its answer. */
  readonly exchangeId: string;
}
