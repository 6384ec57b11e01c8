import type { Isolation } from "../contract/backend-capabilities.ts";
import { withoutSessionMarks } from "../host/without-session-marks.ts";
import type { ProxyPort } from "./engine.ts";

export interface SessionEnvironmentRequest {
  readonly session: { readonly id: string; readonly name: string; readonly backend: string };
  readonly isolation: Isolation;
  readonly callerEnvironment: Readonly<Record<string, string | undefined>>;
  readonly added: Readonly<Record<string, string>>;
  readonly proxy: ProxyPort | undefined;
}

/**
 * What the agent and every `exec` get: on host backends the caller's own environment, elsewhere only what was asked for; then the proxy's variables (the one
 * place that decides whether there are any) and the session's own.
 */
export function sessionEnvironment(request: SessionEnvironmentRequest): Record<string, string> {
  return {
    ...(request.isolation === "none" ? withoutSessionMarks(request.callerEnvironment) : {}),
    TERM: "xterm-256color",
    COLORTERM: "truecolor",
    ...request.added,
    ...request.proxy?.environment(request.session),
    CLAUDERON_SESSION: request.session.name,
    CLAUDERON_SESSION_ID: request.session.id,
  };
}

/** Parses what `env -0` prints. */
export function parseEnvironment(text: string): Record<string, string> {
  const entries = text.split("\0").filter((line) => line.includes("="));
  return Object.fromEntries(
    entries.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}
