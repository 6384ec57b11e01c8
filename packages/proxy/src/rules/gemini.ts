import type { CredentialRule } from "../policy/proxy-types.ts";

/** Google Gemini with an API key; `?key=` of a client is removed like its header. */
export const geminiRules: readonly CredentialRule[] = [
  {
    id: "gemini-api-key",
    description: "Google Gemini API with an API key",
    host: "generativelanguage.googleapis.com",
    protocol: "gemini",
    inject: { kind: "header", name: "x-goog-api-key", format: "{secret}" },
    secret: "gemini",
    placeholder: "clauderon-gemini-placeholder",
    credentialHeaders: ["x-goog-api-key", "authorization", "cookie"],
    credentialParameters: ["key", "access_token", "oauth_token"],
    sources: ["https://ai.google.dev/gemini-api/docs/api-key"],
  },
];
