import { nearest } from "../nearest.ts";

/** What completion offers as names of credentials. Here, because loading the proxy takes longer than a shell may wait; a test compares them with its own. */
export const credentialNames: readonly string[] = [
  "anthropic",
  "claude-oauth",
  "openai",
  "codex-access",
  "gemini",
  "github",
  "npm",
  "pypi",
  "docker",
  "sentry",
  "grafana",
  "pagerduty",
  "kubernetes",
  "talos",
  "sprites",
];

/** The name that was probably meant, of those known and those that the rules use; none for a name that is one of them. */
export function nearestCredential(
  { settings }: { readonly settings: { readonly rules: readonly { readonly secret?: string | undefined }[] } },
  name: string,
): string | undefined {
  const names = [...credentialNames, ...settings.rules.flatMap(({ secret }) => secret ?? [])];
  return names.includes(name) ? undefined : nearest(name, names);
}
