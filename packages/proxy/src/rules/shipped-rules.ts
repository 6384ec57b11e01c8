import type { CredentialRule } from "../policy/proxy-types.ts";
import { anthropicRules } from "./anthropic.ts";
import { containerRegistryRules, type RegistryAccount } from "./container-registries.ts";
import { geminiRules } from "./gemini.ts";
import { githubRules } from "./github.ts";
import { openaiRules } from "./openai.ts";
import { npmRules, pypiRules } from "./package-registries.ts";

/** What of the user's own configuration the shipped rules depend on. */
export interface ShippedRulesSettings {
  /** The text of the user's `~/.npmrc`, for the registries. */
  readonly npmrc?: string | undefined;
  /** Accounts by registry: `docker.io`, `ghcr.io`, `registry.example.com:5000`; a text is the account's name. */
  readonly registries?: Readonly<Record<string, string | RegistryAccount>> | undefined;
}

/** The rules that come with the product: Anthropic, OpenAI, Google Gemini, GitHub, npm, PyPI, Docker Hub and GitHub's registry. */
export function shippedRules(settings: ShippedRulesSettings = {}): readonly CredentialRule[] {
  return [
    ...anthropicRules,
    ...openaiRules,
    ...geminiRules,
    ...githubRules,
    ...npmRules(settings.npmrc ?? ""),
    ...pypiRules,
    ...containerRegistryRules(accountsOf(settings.registries ?? {})),
  ];
}

function accountsOf(
  registries: Readonly<Record<string, string | RegistryAccount>>,
): Readonly<Record<string, RegistryAccount>> {
  return Object.fromEntries(
    Object.entries(registries).map(([host, account]) => [
      host,
      typeof account === "string" ? { username: account } : account,
    ]),
  );
}
