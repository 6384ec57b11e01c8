import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import type { ModelVendor } from "./tap-event.ts";

const paths: Readonly<Record<ModelVendor, RegExp>> = {
  anthropic: /^\/v1\/messages\/?$/i,
  openai: /\/(?:responses(?:\/compact)?|chat\/completions)\/?$/i,
  gemini: /\/models\/[^/]+:(?:streamGenerateContent|generateContent)\/?$/i,
};

/** The vendor whose model the request asks for an answer; `undefined` for its other requests. */
export function modelVendor({ rule, request }: ExchangeContext): ModelVendor | undefined {
  const protocol = rule?.protocol;
  if (protocol !== "anthropic" && protocol !== "openai" && protocol !== "gemini") return undefined;
  const isAsked = request.method === "POST" || request.isUpgrade;
  return isAsked && paths[protocol].test(request.path) ? protocol : undefined;
}
