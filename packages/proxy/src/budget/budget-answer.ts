import { randomUUID } from "node:crypto";

import type { ModelVendor } from "../tap/tap-event.ts";

/** A whole answer to the agent, in its vendor's own form. */
export interface BudgetAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface BudgetMessage {
  readonly message: string;
  readonly retryAfterSeconds: number;
}

/**
 * Errors that vendors document as passing and that their agents retry. Anthropic: 429 `rate_limit_error` (https://platform.claude.com/docs/en/api/errors).
 * OpenAI: 503 `server_is_overloaded` (https://developers.openai.com/api/docs/guides/error-codes); Codex gives up at a 429. Gemini: 429
 * `RESOURCE_EXHAUSTED` (https://ai.google.dev/gemini-api/docs/troubleshooting).
 */
export function budgetAnswer(vendor: ModelVendor, { message, retryAfterSeconds }: BudgetMessage): BudgetAnswer {
  const answer = (status: number, body: unknown): BudgetAnswer => {
    const { headers, ...rest } = jsonAnswer(status, body);
    // The SDKs of Anthropic and OpenAI obey the second before all else.
    return { ...rest, headers: { ...headers, "retry-after": String(retryAfterSeconds), "x-should-retry": "true" } };
  };
  const answers: Readonly<Record<ModelVendor, () => BudgetAnswer>> = {
    anthropic: () =>
      answer(429, {
        type: "error",
        error: { type: "rate_limit_error", message },
        request_id: `req_clauderon_${randomUUID().replaceAll("-", "")}`,
      }),
    openai: () =>
      answer(503, {
        error: { message, type: "service_unavailable_error", param: null, code: "server_is_overloaded" },
      }),
    gemini: () => answer(429, { error: { code: 429, message, status: "RESOURCE_EXHAUSTED" } }),
  };
  return answers[vendor]();
}

/** A WebSocket carries many answers, which could not be stopped one by one; Codex falls back to requests at a 426. */
export function upgradeRefused(message: string): BudgetAnswer {
  return jsonAnswer(426, {
    error: { message, type: "invalid_request_error", param: null, code: "websocket_not_available" },
  });
}

/** What cannot be counted is not retried. */
export function notMetered(message: string): BudgetAnswer {
  return jsonAnswer(403, { error: { message, type: "permission_error", code: "budget-not-metered" } });
}

function jsonAnswer(status: number, body: unknown): BudgetAnswer {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return { status, headers, body: JSON.stringify(body) };
}
