import type { ModelErrorClass } from "./tap-event.ts";

const byCode: Readonly<Record<string, ModelErrorClass>> = {
  // https://platform.claude.com/docs/en/api/errors
  overloaded_error: "overloaded",
  rate_limit_error: "rate-limit",
  authentication_error: "auth",
  permission_error: "auth",
  billing_error: "quota",
  api_error: "server",
  timeout_error: "server",
  invalid_request_error: "request",
  not_found_error: "request",
  request_too_large: "request",
  // https://developers.openai.com/api/docs/guides/error-codes
  insufficient_quota: "quota",
  rate_limit_exceeded: "rate-limit",
  invalid_api_key: "auth",
  server_is_overloaded: "overloaded",
  slow_down: "overloaded",
  server_error: "server",
  // https://ai.google.dev/gemini-api/docs/troubleshooting
  RESOURCE_EXHAUSTED: "rate-limit",
  UNAVAILABLE: "overloaded",
  UNAUTHENTICATED: "auth",
  PERMISSION_DENIED: "auth",
  INTERNAL: "server",
  DEADLINE_EXCEEDED: "server",
  INVALID_ARGUMENT: "request",
  NOT_FOUND: "request",
};

const byStatus: Readonly<Record<number, ModelErrorClass>> = {
  401: "auth",
  402: "quota",
  403: "auth",
  429: "rate-limit",
  503: "overloaded",
  529: "overloaded",
};

/** The status decides where it is unmistakable; vendors reuse `invalid_request_error` for a wrong key. */
export function classifyModelError(status: number, code: string | undefined): ModelErrorClass {
  const named = code !== undefined && Object.hasOwn(byCode, code) ? byCode[code] : undefined;
  if (named === "quota") return named;
  return byStatus[status] ?? named ?? (status >= 500 || status < 400 ? "server" : "request");
}
