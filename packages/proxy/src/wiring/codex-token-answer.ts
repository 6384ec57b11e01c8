/** A whole answer to the client, made without asking the upstream. */
export interface CodexTokenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const DAY_SECONDS = 86_400;

/**
 * What `POST https://auth.openai.com/oauth/token` is answered when Codex refreshes a ChatGPT login inside a sandbox: the placeholders that it has already, as
 * good as new. The login itself is refreshed outside.
 */
export function codexTokenAnswer(placeholder: string, accountId: string | undefined): CodexTokenAnswer {
  return {
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify({
      id_token: unsignedToken(accountId),
      access_token: placeholder,
      refresh_token: placeholder,
      token_type: "Bearer",
      expires_in: DAY_SECONDS,
    }),
  };
}

/** Codex only reads the account and the plan out of it; nobody checks a signature. */
export function unsignedToken(accountId: string | undefined): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    email: "session@clauderon.invalid",
    "https://api.openai.com/auth": { chatgpt_plan_type: "unknown", chatgpt_account_id: accountId ?? "" },
  };
  return `${part({ alg: "none", typ: "JWT" })}.${part(claims)}.${Buffer.from("placeholder").toString("base64url")}`;
}
