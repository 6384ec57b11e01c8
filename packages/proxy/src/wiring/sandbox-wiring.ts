import { agentWiring } from "./agent-wiring.ts";
import { placeholderVariables } from "./placeholder-variables.ts";
import { proxyVariables } from "./proxy-variables.ts";
import { trustVariables } from "./trust-variables.ts";
import type { SandboxWiring, WiringRequest } from "./wiring-types.ts";

/** Everything a sandbox needs to work through the proxy; the same for every backend. Pure. */
export function sandboxWiring(request: WiringRequest): SandboxWiring {
  const agent = agentWiring(request);
  return {
    environment: {
      ...proxyVariables(request),
      ...trustVariables(request),
      ...placeholderVariables(request),
      CLAUDERON_SESSION_ID: request.sessionId,
      ...(request.daemonPort === undefined ? {} : { CLAUDERON_HTTP_PORT: String(request.daemonPort) }),
    },
    files: agent.files,
    agentArguments: agent.agentArguments,
  };
}
