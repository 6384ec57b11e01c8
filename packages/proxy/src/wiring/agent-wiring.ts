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

/** npm refuses to publish or to say who it is without a token of its own; the registry is the user's own. */
function npmFiles(request: WiringRequest): readonly WiredFile[] {
  const token = placeholderOf("npm", request);
  if (request.home === undefined || token === undefined) return [];
  const lines = request.rules
    .filter(({ protocol, secret }) => protocol === "package-registry" && secret === "npm")
    .map(({ host, port }) => `//${host}${port === undefined || port === 443 ? "" : `:${port}`}/:_authToken=${token}\n`);
  return [privateFile(`${request.home}/.npmrc`, [...new Set(lines)].join(""), "keep")];
}

/** Built with GnuTLS, as Debian does, it knows no variable for certificates. */
function wgetFiles({ home, caBundlePath }: WiringRequest): readonly WiredFile[] {
  return home === undefined ? [] : [privateFile(`${home}/.wgetrc`, `ca_certificate = ${caBundlePath}\n`, "keep")];
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
