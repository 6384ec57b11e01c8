/** A secret that clauderon knows by name. */
export interface KnownSecret {
  readonly name: string;
  readonly description: string;
  /** Variables that hold it, first one wins. */
  readonly variables: readonly string[];
  /** Other names of its file and of its 1Password entry. */
  readonly aliases: readonly string[];
}

/** The secrets of the shipped rules and documented examples, with the variables they are usually kept in. */
export const knownSecrets: readonly KnownSecret[] = [
  {
    name: "anthropic",
    description: "Anthropic API key",
    variables: ["ANTHROPIC_API_KEY"],
    aliases: ["anthropic_api_key"],
  },
  {
    name: "claude-oauth",
    description: "token of `claude setup-token`",
    variables: ["CLAUDE_CODE_OAUTH_TOKEN"],
    aliases: ["claude_code_oauth_token", "anthropic_oauth_token"],
  },
  {
    name: "openai",
    description: "OpenAI API key",
    variables: ["OPENAI_API_KEY", "CODEX_API_KEY"],
    aliases: ["openai_api_key"],
  },
  {
    name: "codex-access",
    description: "access token of a ChatGPT login",
    variables: ["CODEX_ACCESS_TOKEN"],
    aliases: ["codex_access_token"],
  },
  {
    name: "gemini",
    description: "Google Gemini API key",
    variables: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    aliases: ["gemini_api_key", "google_api_key"],
  },
  { name: "github", description: "GitHub token", variables: ["GITHUB_TOKEN", "GH_TOKEN"], aliases: ["github_token"] },
  { name: "npm", description: "npm token", variables: ["NPM_TOKEN"], aliases: ["npm_token"] },
  { name: "pypi", description: "PyPI upload token", variables: ["PYPI_TOKEN"], aliases: ["pypi_token"] },
  { name: "docker", description: "Docker Hub token", variables: ["DOCKER_TOKEN"], aliases: ["docker_token"] },
  { name: "sentry", description: "Sentry token", variables: ["SENTRY_AUTH_TOKEN"], aliases: ["sentry_auth_token"] },
  { name: "grafana", description: "Grafana API key", variables: ["GRAFANA_API_KEY"], aliases: ["grafana_api_key"] },
  {
    name: "pagerduty",
    description: "PagerDuty API token",
    variables: ["PAGERDUTY_TOKEN", "PAGERDUTY_API_KEY"],
    aliases: ["pagerduty_token"],
  },
  { name: "kubernetes", description: "Kubernetes bearer token", variables: ["K8S_TOKEN"], aliases: ["k8s_token"] },
  { name: "talos", description: "Talos token", variables: ["TALOS_TOKEN"], aliases: ["talos_token"] },
  {
    name: "sprites",
    description: "Sprites API token",
    variables: ["SPRITES_TOKEN", "SPRITES_API_KEY"],
    aliases: ["sprites_api_key", "sprites_token"],
  },
];

/** The known secret of this name or alias; a name of the user's own knows no variables. */
export function knownSecret(name: string): KnownSecret {
  return (
    knownSecrets.find((entry) => entry.name === name || entry.aliases.includes(name)) ?? {
      name,
      description: "",
      variables: [],
      aliases: [],
    }
  );
}
