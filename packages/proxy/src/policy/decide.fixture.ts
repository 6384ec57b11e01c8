import { shippedRules } from "../rules/shipped-rules.ts";
import { parseConnectTarget, parseRequestTarget } from "./canonical-target.ts";
import { createPolicyEngine, type ExplainablePolicyEngine, type PolicyEngineSettings } from "./decide.ts";
import type { CredentialRule, ProxyHeader, ProxyIdentity, RequestVerdict, SessionPolicy } from "./proxy-types.ts";
import { isRefusal } from "./refusal.ts";

/** A rule as a user writes one. */
export const sentryRule: CredentialRule = {
  id: "sentry",
  description: "Sentry",
  host: "*.sentry.example",
  paths: ["/api/**"],
  methods: ["GET", "POST"],
  protocol: "http",
  inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
  secret: "sentry",
  placeholder: "clauderon-sentry-placeholder",
  credentialHeaders: ["authorization"],
};

export const allSecrets: readonly string[] = [
  "anthropic",
  "claude-oauth",
  "openai",
  "codex-access",
  "gemini",
  "github",
  "npm",
  "pypi",
  "docker",
  "sentry",
];

export function engine(
  secrets: readonly string[] = allSecrets,
  settings: Partial<PolicyEngineSettings> = {},
): ExplainablePolicyEngine {
  const names = new Set(secrets);
  return createPolicyEngine({
    rules: [sentryRule, ...shippedRules({ npmrc: "registry=https://npm.example.com/" })],
    secrets: { has: (name) => names.has(name) },
    ...settings,
  });
}

export function identity(policy: Partial<SessionPolicy> = {}): ProxyIdentity {
  return {
    sessionId: "s-1",
    sessionName: "fix-login",
    policy: { accessMode: "read-write", network: "listed", allow: [], deny: [], isIsolated: true, ...policy },
  };
}

const usual = engine();

/** What becomes of a CONNECT, in one word and the code. */
export function connectTo(
  text: string,
  policy: Partial<SessionPolicy> | "anonymous" = {},
  using: ExplainablePolicyEngine = usual,
): string {
  const target = parseConnectTarget(text);
  if (isRefusal(target)) return `${target.status} ${target.code}`;
  const verdict = using.decideConnect(policy === "anonymous" ? undefined : identity(policy), target);
  return verdict.kind === "refuse" ? `${verdict.refusal.status} ${verdict.refusal.code}` : verdict.kind;
}

export interface RequestText {
  readonly method?: string;
  /** `https://host/path` inside a tunnel, `http://host/path` at the proxy's own port. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly isUpgrade?: boolean;
}

/** The verdict on a request as a client would send it. */
export function decideOn(
  text: RequestText,
  policy: Partial<SessionPolicy> = {},
  using: ExplainablePolicyEngine = usual,
): RequestVerdict {
  const [, scheme = "", authority = "", target = ""] = /^(https?):\/\/([^/]+)(\/.*)$/.exec(text.url) ?? [];
  const isTunnel = scheme === "https";
  const tunnel = parseConnectTarget(/:\d+$/.test(authority) ? authority : `${authority}:443`);
  if (isRefusal(tunnel)) return { kind: "refuse", refusal: tunnel };
  const headers: readonly ProxyHeader[] = [
    { name: "Host", value: authority },
    ...Object.entries(text.headers ?? {}).map(([name, value]) => ({ name, value })),
  ];
  const request = parseRequestTarget({
    method: text.method ?? "GET",
    target: isTunnel ? target : text.url,
    headers,
    isUpgrade: text.isUpgrade ?? false,
    tunnel: isTunnel ? tunnel : undefined,
  });
  return isRefusal(request) ? { kind: "refuse", refusal: request } : using.decideRequest(identity(policy), request);
}

/** The same as one line: `403 code`, or what is injected and looked at. */
export function outcome(
  text: RequestText,
  policy: Partial<SessionPolicy> = {},
  using: ExplainablePolicyEngine = usual,
): string {
  const verdict = decideOn(text, policy, using);
  if (verdict.kind === "refuse") return `${verdict.refusal.status} ${verdict.refusal.code}`;
  return [
    verdict.secret === undefined ? "forward" : `inject ${verdict.secret}`,
    ...(verdict.dropsCredentials === true ? ["drops"] : []),
    ...(verdict.bodyCheck === undefined ? [] : [verdict.bodyCheck.kind]),
    ...(verdict.push === undefined ? [] : ["push-guard"]),
    ...(verdict.answerFields === undefined ? [] : ["answer"]),
  ].join(" ");
}
