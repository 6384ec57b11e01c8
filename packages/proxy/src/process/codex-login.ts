import { readFileSync } from "node:fs";

import { parseJson } from "@clauderon/core/host";
import { z } from "zod";

import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import type { ProxyRequest } from "../policy/proxy-types.ts";
import type { SecretSource } from "../secrets/create-secret-source.ts";
import type { ProxySettings } from "../settings/load-proxy-settings.ts";
import type { NotAdmitted } from "../transport/transport-context.ts";
import { codexTokenAnswer } from "../wiring/codex-token-answer.ts";

const authFile = z.object({ tokens: z.object({ account_id: z.string().nullish() }).nullish() });
/** The secret that a ChatGPT login of the Codex CLI is. */
export const codexSecret = "codex-access";

/** Whether Codex asks for new tokens of its ChatGPT login. */
export function isCodexRenewal({ target, method, path }: ProxyRequest): boolean {
  return method === "POST" && target.host === "auth.openai.com" && path === "/oauth/token";
}

/** Renews a ChatGPT login inside sandboxes: with the placeholders that it already has, without asking anybody. By the settings of the moment. */
export function createCodexLogin(
  settings: () => Pick<ProxySettings, "codexAuthPath" | "rules">,
  secrets: Pick<SecretSource, "has">,
): { answer(context: ExchangeContext): NotAdmitted | undefined } {
  return {
    answer({ identity, request }) {
      // It is the user's own login that Codex renews there, and writes into the user's own file.
      if (identity.policy.isUnconfined === true) return undefined;
      if (!isCodexRenewal(request) || !secrets.has(codexSecret)) return undefined;
      const { codexAuthPath, rules } = settings();
      const placeholder = rules.find(({ secret }) => secret === codexSecret)?.placeholder;
      if (placeholder === undefined) return undefined;
      return { answer: codexTokenAnswer(placeholder, codexAccountId(codexAuthPath)) };
    },
  };
}

/** The account of the machine's ChatGPT login. It goes into a header and is no secret. */
export function codexAccountId(path: string): string | undefined {
  try {
    return authFile.parse(parseJson(readFileSync(path, "utf8"), path)).tokens?.account_id ?? undefined;
  } catch {
    // No login on this machine, or one that is being renewed: Codex takes an empty account, too.
    return undefined;
  }
}
