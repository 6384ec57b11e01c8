import { unsignedToken } from "./codex-token-answer.ts";
import { placeholderOf, privateFile } from "./wired-file.ts";
import type { SandboxWiring, WiringRequest } from "./wiring-types.ts";

/** Settings of Codex as `key = value` of its TOML. */
const settings: readonly (readonly [string, string])[] = [
  // Else it sends the API key to chatgpt.com to ask for models.
  ["features.api_key_model_discovery", "false"],
];
const fileSettings: readonly (readonly [string, string])[] = [
  // Without it, a keyring inside the sandbox would be looked for.
  ["cli_auth_credentials_store", '"file"'],
];

/** Codex reads its credential from a file: no variable signs the interactive one in. */
export function codexWiring(request: WiringRequest): Pick<SandboxWiring, "agentArguments" | "files"> {
  const { home } = request;
  const agentArguments = settings.flatMap(([key, value]) => ["--config", `${key}=${value}`]);
  if (home === undefined) return { agentArguments, files: [] };
  const login = codexLogin(request);
  const config = [...fileSettings, ...settings].map(([key, value]) => `${key} = ${value}\n`).join("");
  return {
    agentArguments,
    files: [
      privateFile(`${home}/.codex/config.toml`, config, "keep"),
      ...(login === undefined
        ? []
        : [privateFile(`${home}/.codex/auth.json`, `${JSON.stringify(login, undefined, 2)}\n`, "merge-json")]),
    ],
  };
}

function codexLogin(request: WiringRequest): unknown {
  const key = placeholderOf("openai", request);
  if (key !== undefined) return { auth_mode: "apikey", OPENAI_API_KEY: key };
  const access = placeholderOf("codex-access", request);
  if (access === undefined) return undefined;
  return {
    auth_mode: "chatgpt",
    OPENAI_API_KEY: null,
    tokens: {
      id_token: unsignedToken(request.codexAccountId),
      access_token: access,
      refresh_token: access,
      account_id: request.codexAccountId ?? null,
    },
    // It refreshes a login that is older than some days.
    last_refresh: request.now,
  };
}
