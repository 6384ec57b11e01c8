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
