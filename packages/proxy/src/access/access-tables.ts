import type { BodyCheck, RuleProtocol } from "../policy/proxy-types.ts";

/** What a protocol lets through in a read-only session beside GET, HEAD and OPTIONS. */
export interface AccessTable {
  /** Globs of paths whose POST changes nothing at the vendor, or is the use of a model. */
  readonly posts: readonly string[];
  /** Globs of paths whose WebSocket is a model's channel. */
  readonly upgrades: readonly string[];
  /** Paths whose POST is decided by its body. */
  readonly bodies: readonly { readonly path: string; readonly kind: BodyCheck["kind"] }[];
  /** Globs of paths that are refused although their method reads. */
  readonly refusedReads: readonly string[];
  readonly sources: readonly string[];
}

const nothing: AccessTable = { posts: [], upgrades: [], bodies: [], refusedReads: [], sources: [] };

/** One row per protocol. What is not named here and is not a read is refused. */
export const accessTables: Readonly<Record<RuleProtocol, AccessTable>> = {
  anthropic: {
    ...nothing,
    // Those below /api are what Claude Code reports about itself; refusing them leaves it working and noisy.
    posts: [
      "/v1/messages",
      "/v1/messages/count_tokens",
      "/v1/complete",
      "/api/event_logging/**",
      "/api/eval/**",
      "/api/claude_cli/bootstrap",
      "/api/claude_code/metrics",
    ],
    sources: ["https://docs.claude.com/en/api/messages", "https://docs.claude.com/en/api/messages-count-tokens"],
  },
  openai: {
    ...nothing,
    posts: [
      "/v1/responses",
      "/v1/responses/compact",
      "/v1/responses/input_tokens",
      "/v1/chat/completions",
      "/v1/completions",
      "/v1/embeddings",
      "/v1/moderations",
      "/v1/images/generations",
      "/v1/audio/speech",
      "/v1/audio/transcriptions",
      "/v1/audio/translations",
      "/backend-api/codex/responses",
      "/backend-api/codex/responses/compact",
      "/oauth/token",
    ],
    // Codex talks to its model over a WebSocket; Realtime sessions can call tools and are left out.
    upgrades: ["/v1/responses", "/backend-api/codex/responses"],
    sources: [
      "https://platform.openai.com/docs/api-reference/responses",
      "https://platform.openai.com/docs/api-reference/chat",
    ],
  },
  gemini: {
    ...nothing,
    posts: ["v1", "v1beta", "v1alpha"].flatMap((version) =>
      ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"].flatMap(
        (method) => [`/${version}/models/*:${method}`, `/${version}/tunedModels/*:${method}`],
      ),
    ),
    sources: ["https://ai.google.dev/api/generate-content", "https://ai.google.dev/api/tokens"],
  },
  "github-api": {
    ...nothing,
    posts: ["/markdown", "/markdown/raw"],
    bodies: [
      { path: "/graphql", kind: "graphql-reads" },
      { path: "/api/graphql", kind: "graphql-reads" },
    ],
    sources: [
      "https://docs.github.com/en/rest",
      "https://docs.github.com/en/graphql/guides/forming-calls-with-graphql",
    ],
  },
  git: {
    ...nothing,
    sources: [
      "https://git-scm.com/docs/gitprotocol-http",
      "https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md",
    ],
  },
  "package-registry": {
    ...nothing,
    // `npm audit` asks by POST.
    posts: ["/-/npm/v1/security/advisories/bulk", "/-/npm/v1/security/audits", "/-/npm/v1/security/audits/quick"],
    refusedReads: ["/-/npm/v1/tokens/**", "/-/whoami/token"],
    sources: ["https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md", "https://docs.pypi.org/api/"],
  },
  "container-registry": {
    ...nothing,
    sources: [
      "https://github.com/opencontainers/distribution-spec/blob/main/spec.md",
      "https://distribution.github.io/distribution/spec/auth/token/",
    ],
  },
  http: nothing,
};
