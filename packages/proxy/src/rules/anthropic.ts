import type { CredentialRule } from "../policy/proxy-types.ts";

const host = "api.anthropic.com";
const credentialHeaders: readonly string[] = ["authorization", "x-api-key", "cookie"];

/** Anthropic: an API key, or the long-lived token of `claude setup-token`. A client says which one it uses by the header it sends. */
export const anthropicRules: readonly CredentialRule[] = [
  {
    id: "anthropic-api-key",
    description: "Anthropic API with an API key",
    host,
    protocol: "anthropic",
    inject: { kind: "header", name: "x-api-key", format: "{secret}" },
    secret: "anthropic",
    placeholder: "sk-ant-api03-clauderon-anthropic-placeholder",
    credentialHeaders,
    sources: ["https://docs.claude.com/en/api/overview#authentication"],
  },
  {
    id: "anthropic-oauth",
    description: "Anthropic API with a Claude subscription's token",
    host,
    protocol: "anthropic",
    inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
    secret: "claude-oauth",
    placeholder: "sk-ant-oat01-clauderon-oauth-placeholder",
    credentialHeaders,
    sources: ["https://docs.claude.com/en/docs/claude-code/iam"],
  },
];
