import { request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { zstdDecompressSync } from "node:zlib";

import type { Serve } from "./package-upstream.ts";

export interface ChatGptAccount {
  /** The one access token that is taken. */
  readonly access: () => string;
  readonly accountId: string;
  /** Where the scripted model is, and its key. */
  readonly modelUrl: string;
  readonly modelKey: string;
}

/** What `chatgpt.com` is for a Codex with a ChatGPT login: the model behind another path, for the account alone. */
export function chatGpt(account: ChatGptAccount): Serve {
  return (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "https://chatgpt.com");
    const isKnown =
      request.headers.authorization === `Bearer ${account.access()}` &&
      request.headers["chatgpt-account-id"] === account.accountId;
    if (!isKnown) return sendJson(response, 401, { detail: "Your authentication token has been invalidated." });
    // Codex asks over HTTP then, at once.
    if (request.headers.upgrade !== undefined) return sendJson(response, 426, { detail: "Upgrade Required" });
    if (pathname === "/backend-api/codex/responses") return void forward(request, response, account);
    if (pathname === "/backend-api/wham/accounts/check") return sendJson(response, 200, accountsOf(account));
    if (pathname === "/backend-api/codex/models") return sendJson(response, 200, { models: [] });
    return sendJson(response, 404, { detail: "Not Found" });
  };
}

function accountsOf({ accountId }: ChatGptAccount): object {
  const entry = {
    id: accountId,
    name: "Test",
    structure: "personal",
    plan_type: "plus",
    is_deactivated: false,
    is_fedramp_compliant_workspace: false,
    can_access_with_session: true,
    workspace_backend_origin: "https://chatgpt.com",
    account_routing_override: "NO_CONSTRAINT",
  };
  return { accounts: [entry], account_ordering: [accountId], default_account_id: accountId };
}

/** Codex packs what it sends to ChatGPT, and the scripted model does not unpack it. */
async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  { modelUrl, modelKey }: ChatGptAccount,
): Promise<void> {
  const bytes = await buffer(request);
  const isPacked = request.headers["content-encoding"] === "zstd";
  const body = isPacked ? zstdDecompressSync(bytes) : bytes;
  const { "content-encoding": _encoding, "content-length": _length, ...others } = request.headers;
  const headers = { ...others, authorization: `Bearer ${modelKey}`, host: "api.openai.com" };
  const forwarded = ask(`${modelUrl}/v1/responses`, { method: "POST", headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  forwarded.once("error", () => response.destroy());
  response.once("close", () => forwarded.destroy());
  forwarded.end(body);
}

/** What renews the user's own login: one use for each refresh token. */
export function loginServer(renew: (refreshToken: string) => object | undefined): Serve {
  return (request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const { refresh_token: token = "" } = JSON.parse(text === "" ? "{}" : text) as { refresh_token?: string };
      const renewed = request.url === "/oauth/token" ? renew(token) : undefined;
      sendJson(response, renewed === undefined ? 401 : 200, renewed ?? { error: "refresh_token_reused" });
    });
  };
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}
