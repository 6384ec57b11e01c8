import type { CredentialRule } from "../policy/proxy-types.ts";
import { codexWiring } from "./codex-wiring.ts";
import { placeholderOf, privateFile } from "./wired-file.ts";
import type { SandboxWiring, WiredFile, WiringRequest } from "./wiring-types.ts";

type AgentWiring = Pick<SandboxWiring, "agentArguments" | "files">;

/** What the agent itself must be told besides the variables that every program reads. */
export function agentWiring(request: WiringRequest): AgentWiring {
  const { agentArguments, files } = byAgent(request);
  return { agentArguments, files: [...files, ...npmFiles(request), ...wgetFiles(request)] };
}

function byAgent(request: WiringRequest): AgentWiring {
  switch (request.agent) {
    case "codex":
      return codexWiring(request);
    case "claude":
      return { agentArguments: [], files: claudeFiles(request) };
    case "gemini":
      return { agentArguments: [], files: geminiFiles(request) };
    case "other":
    default:
      return { agentArguments: [], files: [] };
  }
}

/** Else it asks in its terminal whether the key may be used, with "No" preselected. It knows a key by its last 20 characters. */
function claudeFiles(request: WiringRequest): readonly WiredFile[] {
  const key = placeholderOf("anthropic", request);
  if (request.home === undefined || key === undefined || request.secrets.has("claude-oauth")) return [];
  const state = { hasCompletedOnboarding: true, customApiKeyResponses: { approved: [key.slice(-20)], rejected: [] } };
  return [privateFile(`${request.home}/.claude.json`, json(state), "merge-json")];
}

/** Else it asks in its terminal how to sign in. */
function geminiFiles(request: WiringRequest): readonly WiredFile[] {
  if (request.home === undefined || placeholderOf("gemini", request) === undefined) return [];
  const settings = { security: { auth: { selectedType: "gemini-api-key" } } };
  return [privateFile(`${request.home}/.gemini/settings.json`, json(settings), "merge-json")];
}

/** The user's own default registry; npm refuses to publish or to say who it is without a token of its own, and asks some registries for nothing without one. */
function npmFiles(request: WiringRequest): readonly WiredFile[] {
  const { home, rules } = request;
  if (home === undefined) return [];
  const lines = rules
    .filter(({ id, protocol }) => protocol === "package-registry" && /^npm(?:-|$)/.test(id))
    .flatMap(({ id, secret, ...place }) => {
      const url = registryUrl(place);
      const token = secret === undefined ? undefined : placeholderOf(secret, request);
      return [
        ...(id === "npm" ? [`registry=https:${url}\n`] : []),
        ...(token === undefined ? [] : [`${url}:_authToken=${token}\n`]),
      ];
    });
  return lines.length === 0 ? [] : [privateFile(`${home}/.npmrc`, [...new Set(lines)].join(""), "keep")];
}

/** As npm names registries, without the scheme. */
function registryUrl({ host, port, paths }: Pick<CredentialRule, "host" | "port" | "paths">): string {
  const authority = port === undefined || port === 443 ? host : `${host}:${port}`;
  return `//${authority}${paths?.[0]?.replace(/\*\*$/, "") ?? "/"}`;
}

/** Built with GnuTLS, as Debian does, it knows no variable for certificates. */
function wgetFiles({ home, caBundlePath }: WiringRequest): readonly WiredFile[] {
  return home === undefined ? [] : [privateFile(`${home}/.wgetrc`, `ca_certificate = ${caBundlePath}\n`, "keep")];
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
