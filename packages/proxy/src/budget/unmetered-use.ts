import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import type { RuleProtocol } from "../policy/proxy-types.ts";
import { modelVendor } from "../tap/model-vendor.ts";

/** Where the model APIs are used for money, and what is free among that. */
const uses: Partial<Readonly<Record<RuleProtocol, { readonly paid: RegExp; readonly free: RegExp }>>> = {
  anthropic: { paid: /^\/v1\/(?:messages|complete)(?:\/|$)/i, free: /^\/v1\/messages\/count_tokens\/?$/i },
  openai: {
    paid: /^\/v1\//i,
    free: /^\/v1\/(?:responses\/input_tokens|responses\/[^/]+\/cancel|moderations|files|uploads(?:\/.*)?|models)\/?$/i,
  },
  gemini: { paid: /:\w+\/?$|BidiGenerateContent/i, free: /:countTokens\/?$/i },
};

/** A paid use whose answer tells no usage, tells it later, or is not known here: with a budget it is refused rather than left uncounted. */
export function isUnmeteredUse(context: ExchangeContext): boolean {
  const { rule, request } = context;
  const use = rule === undefined ? undefined : uses[rule.protocol];
  const asks = request.method !== "GET" && request.method !== "HEAD" && request.method !== "DELETE";
  if (use === undefined || !(asks || request.isUpgrade)) return false;
  return use.paid.test(request.path) && !use.free.test(request.path) && modelVendor(context) === undefined;
}
