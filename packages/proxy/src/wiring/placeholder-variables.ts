import { knownSecret } from "../secrets/known-secrets.ts";
import type { WiringRequest } from "./wiring-types.ts";

/** Where programs look for a credential, by the secret's name. */
const variables: Readonly<Record<string, readonly string[]>> = {
  github: ["GITHUB_TOKEN", "GH_TOKEN"],
  anthropic: ["ANTHROPIC_API_KEY"],
  "claude-oauth": ["CLAUDE_CODE_OAUTH_TOKEN"],
  // `codex exec` reads its own; programs built on the SDK read the other.
  openai: ["OPENAI_API_KEY", "CODEX_API_KEY"],
  gemini: ["GEMINI_API_KEY"],
  npm: ["NPM_TOKEN"],
  sentry: ["SENTRY_AUTH_TOKEN"],
  grafana: ["GRAFANA_API_KEY"],
  pagerduty: ["PAGERDUTY_TOKEN"],
};

/** Placeholders for the secrets that exist. */
export function placeholderVariables(request: WiringRequest): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { secret, placeholder } of request.rules) {
    if (secret === undefined || placeholder === undefined || !request.secrets.has(secret)) continue;
    const isWanted = !isUnwanted(secret, request);
    const names = isWanted && Object.hasOwn(variables, secret) ? (variables[secret] ?? []) : [];
    for (const name of names) found[name] ??= placeholder;
    // Programs take an empty one for none.
    for (const name of givenNames(secret, request)) found[name] ??= isWanted ? placeholder : "";
  }
  return found;
}

/** The user's own variables with the same credential in it. On the user's own machine a ChatGPT login is left as it is. */
function givenNames(secret: string, { given }: WiringRequest): readonly string[] {
  if (given === undefined || secret === "codex-access") return [];
  return knownSecret(secret).variables.filter((name) => given.has(name));
}

/** With both, Claude Code takes the key and warns; who made a token for it wants that one used. */
function isUnwanted(secret: string, { agent, secrets }: WiringRequest): boolean {
  return secret === "anthropic" && agent === "claude" && secrets.has("claude-oauth");
}
