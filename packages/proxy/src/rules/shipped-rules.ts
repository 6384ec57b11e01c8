import type { CredentialRule } from "../policy/proxy-types.ts";
import { anthropicRules } from "./anthropic.ts";
import { containerRegistryRules } from "./container-registries.ts";
import { geminiRules } from "./gemini.ts";
import { githubRules } from "./github.ts";
import { openaiRules } from "./openai.ts";
import { npmRules, pypiRules } from "./package-registries.ts";

/** What of the user's own configuration the shipped rules depend on. */
export interface ShippedRulesSettings {
  /** The text of the user's `~/.npmrc`, for the registries. */
  readonly npmrc?: string | undefined;
  /** Account names by registry: `docker.io`, `ghcr.io`. */
  readonly registries?: Readonly<Record<string, string>> | undefined;
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
    ...containerRegistryRules(settings.registries),
  ];
}
