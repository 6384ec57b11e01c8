import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import type { RuleProtocol } from "../policy/proxy-types.ts";

/** Paid uses of the model APIs whose answers tell no usage, or tell it later. */
const paths: Partial<Readonly<Record<RuleProtocol, RegExp>>> = {
  anthropic: /^\/v1\/(?:messages\/batches|complete)$/,
  openai:
    /^\/v1\/(?:embeddings|completions|images\/[^/]+|audio\/[^/]+|batches|videos(?:\/.*)?|realtime(?:\/.*)?|live(?:\/.*)?|fine_tuning\/jobs|threads\/.+|assistants)$/,
  gemini:
    /:(?:batchGenerateContent|embedContent|batchEmbedContents|asyncBatchEmbedContent|predict|predictLongRunning|bidiGenerateContent|generateAnswer)$|BidiGenerateContent$/,
};

export function isUnmeteredUse({ rule, request }: ExchangeContext): boolean {
  const isUse = request.method === "POST" || request.isUpgrade;
  return isUse && rule !== undefined && paths[rule.protocol]?.test(request.path) === true;
}
