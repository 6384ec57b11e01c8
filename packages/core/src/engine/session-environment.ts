import type { Isolation } from "../contract/backend-capabilities.ts";
import { proxyMark, withoutSessionMarks } from "../host/without-session-marks.ts";

export interface SessionEnvironmentRequest {
  readonly session: { readonly id: string; readonly name: string };
  readonly isolation: Isolation;
  readonly callerEnvironment: Readonly<Record<string, string | undefined>>;
  readonly added: Readonly<Record<string, string>>;
}

/** What the agent and every `exec` get: on host backends the caller's own environment, elsewhere only what was asked for; then the session's own. */
export function sessionEnvironment(request: SessionEnvironmentRequest): Record<string, string> {
  return {
    ...(request.isolation === "none" ? withoutSessionMarks(request.callerEnvironment) : {}),
    TERM: "xterm-256color",
    COLORTERM: "truecolor",
    ...request.added,
    CLAUDERON_SESSION: request.session.name,
    CLAUDERON_SESSION_ID: request.session.id,
  };
}

/** The same with the proxy's variables, whose names are left along: they are of no use outside this session. */
export function withProxyVariables(
  environment: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const names = Object.keys(variables);
  return names.length === 0 ? environment : { ...environment, ...variables, [proxyMark]: names.join(" ") };
}

/** Parses what `env -0` prints. */
export function parseEnvironment(text: string): Record<string, string> {
  const entries = text.split("\0").filter((line) => line.includes("="));
  return Object.fromEntries(
    entries.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}
