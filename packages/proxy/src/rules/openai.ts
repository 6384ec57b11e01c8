import type { CredentialRule } from "../policy/proxy-types.ts";

const credentialHeaders: readonly string[] = ["authorization", "api-key", "cookie"];

/** OpenAI: an API key, or the login of a ChatGPT account as Codex uses it. */
export const openaiRules: readonly CredentialRule[] = [
  {
    id: "openai-api-key",
    description: "OpenAI API with an API key",
    host: "api.openai.com",
    protocol: "openai",
    inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
    secret: "openai",
    placeholder: "sk-clauderon-openai-placeholder",
    credentialHeaders,
    sources: ["https://platform.openai.com/docs/api-reference/authentication"],
  },
  {
    id: "chatgpt-login",
    description: "Codex with a ChatGPT account",
    host: "chatgpt.com",
    paths: ["/backend-api/**"],
    protocol: "openai",
    inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
    secret: "codex-access",
    placeholder: "clauderon-codex-access-placeholder",
    credentialHeaders,
    sources: ["https://developers.openai.com/codex/auth"],
  },
  {
    id: "chatgpt-token",
    description: "The token endpoint of a ChatGPT login",
    host: "auth.openai.com",
    protocol: "openai",
    tokenAnswer: { paths: ["/oauth/token"], fields: ["access_token", "refresh_token", "id_token"] },
    credentialHeaders,
    sources: ["https://developers.openai.com/codex/auth"],
  },
];
