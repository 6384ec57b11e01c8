import { randomUUID } from "node:crypto";
import { basename } from "node:path";

import { systemClock } from "@clauderon/core/host";

import { parseBudget } from "../budget/parse-budget.ts";
import { checkSessionAccess } from "../policy/check-session-access.ts";
import type { SessionPolicy } from "../policy/proxy-types.ts";
import type { SecretSource } from "../secrets/create-secret-source.ts";
import { knownSecrets } from "../secrets/known-secrets.ts";
import type { ProxySettings } from "../settings/load-proxy-settings.ts";
import { sandboxWiring } from "../wiring/sandbox-wiring.ts";
import type { WiredAgent } from "../wiring/wiring-types.ts";
import { proxyFiles, type ComposedProxy } from "./compose-proxy.ts";

export interface ServeOptions {
  /** Shown in the log. */
  readonly name: string;
  readonly policy: SessionPolicy;
  /** `5usd`, `200ktokens`; default: none. */
  readonly budget?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** The program that will use it: agents that are known are told by arguments what no variable tells them. */
  readonly program?: string | undefined;
}

/** A proxy for one client of this machine. */
export interface ServedProxy extends AsyncDisposable {
  readonly port: number;
  /** What the client needs: the way here (with a token), trust, placeholders. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables that hold credentials, which the client is not given. */
  readonly withheld: readonly string[];
  /** To be put before the program's own arguments. */
  readonly programArguments: readonly string[];
}

export interface ServePorts {
  readonly home: string;
  readonly settings: ProxySettings;
  readonly secrets: SecretSource;
  readonly compose: () => Promise<ComposedProxy>;
}

const agents: readonly WiredAgent[] = ["claude", "codex", "gemini"];
const trustStorePassword = "changeit";

/** Runs a proxy in this process until it is disposed. */
export async function serveHome(options: ServeOptions, ports: ServePorts): Promise<ServedProxy> {
  checkSessionAccess({ ...options.policy, budget: options.budget });
  await using stack = new AsyncDisposableStack();
  const composed = stack.use(await ports.compose());
  const { port } = await composed.proxy.listen({ port: options.port });
  const sessionId = randomUUID();
  const identity = { sessionId, sessionName: options.name, policy: options.policy };
  if (options.budget !== undefined) composed.budget.setLimit(sessionId, parseBudget(options.budget));
  const { token } = await composed.proxy.identities.add(identity);
  const files = proxyFiles(ports.home);
  const stored = (await ports.secrets.list()).filter(({ state }) => state === "ready" || state === "configured");
  const program = basename(options.program ?? "");
  const { environment, agentArguments } = sandboxWiring({
    sessionId,
    proxyUrl: `http://${sessionId}:${token}@127.0.0.1:${port}`,
    caBundlePath: files.bundle,
    javaTrustStore: { path: files.trustStore, password: trustStorePassword },
    agent: agents.find((agent) => agent === program) ?? "other",
    rules: ports.settings.rules,
    secrets: new Set(stored.map(({ name }) => name)),
    now: systemClock.now().toISOString(),
  });
  const variables = [...knownSecrets.flatMap((known) => known.variables), "OP_SERVICE_ACCOUNT_TOKEN"];
  const open = stack.move();
  return {
    port,
    environment,
    withheld: variables.filter((name) => environment[name] === undefined),
    programArguments: agentArguments,
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  };
}
