import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { ProxiedSession, ProxyPort } from "@clauderon/core";
import type { Logger } from "@clauderon/core/contract";
import { keptSessions, sandboxWiring, type ProxyIdentity, type WiredAgent } from "@clauderon/proxy/client";

import type { ProxySupervisor, RunningProxy } from "./proxy-supervisor.ts";

export interface SessionProxyOptions {
  readonly homeDirectory: string;
  readonly supervisor: ProxySupervisor;
  readonly logger: Logger;
}

/** Variables by which users name certificates of their own. */
const trustVariables: readonly string[] = [
  "SSL_CERT_FILE",
  "NODE_EXTRA_CA_CERTS",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "PIP_CERT",
  "AWS_CA_BUNDLE",
  "CARGO_HTTP_CAINFO",
  "DENO_CERT",
  "CODEX_CA_CERTIFICATE",
];

/** Gives the sessions of host backends the proxy of the home, once one is configured. */
export function createSessionProxy({ homeDirectory, supervisor, logger }: SessionProxyOptions): ProxyPort {
  const revoke = async (sessionId: string): Promise<void> => {
    if (!(await keptSessions(homeDirectory)).includes(sessionId)) return;
    try {
      await supervisor.use(({ client }) => client.call("remove", { sessionId }));
    } catch (error) {
      // A proxy that does not run lets nobody in, and the next reconciliation with one that runs ends the identity.
      logger.warn({ sessionId, error }, "the session's identity at the proxy could not be ended yet");
    }
  };
  return {
    async admit(session) {
      // A loopback address leads a sandbox of its own nowhere.
      const isProxied = session.isolation === "none" && (await supervisor.isConfigured());
      if (isProxied) return supervisor.use((running) => wire(session, running));
      await revoke(session.id);
      return {};
    },
    revoke,
    admitted: () => keptSessions(homeDirectory),
  };
}

async function wire(
  session: ProxiedSession,
  { client, status }: RunningProxy,
): Promise<Readonly<Record<string, string>>> {
  const { rules, secrets, codexAccountId } = await client.call("wiring", {});
  const caBundlePath = await bundleFor(session, status.bundlePath);
  const { token } = await client.call("add", { identity: identityOf(session) });
  const { environment } = sandboxWiring({
    sessionId: session.id,
    proxyUrl: `http://${session.id}:${token}@127.0.0.1:${status.port}`,
    caBundlePath,
    noProxy: ownExceptions(session.environment),
    agent: wiredAgent(session.agent),
    rules,
    secrets: new Set(secrets),
    codexAccountId,
    now: new Date().toISOString(),
  });
  return environment;
}

function identityOf({ id, name }: ProxiedSession): ProxyIdentity {
  return {
    sessionId: id,
    sessionName: name,
    policy: {
      accessMode: "read-write",
      network: "open",
      allow: [],
      deny: [],
      isIsolated: false,
      isUnconfined: true,
    },
  };
}

function wiredAgent(agent: string): WiredAgent {
  return agent === "claude" || agent === "codex" || agent === "gemini" ? agent : "other";
}

/** What the user reaches without a proxy stays so. */
function ownExceptions(environment: ProxiedSession["environment"]): readonly string[] {
  const text = environment["no_proxy"] ?? environment["NO_PROXY"] ?? "";
  const own = new Set(["localhost", "127.0.0.1", "::1"]);
  return text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "" && !own.has(entry));
}

/** The home's bundle; where the caller trusts more, one of the session's own that holds both. */
async function bundleFor({ environment, sessionDirectory }: ProxiedSession, shared: string): Promise<string> {
  const paths = new Set(trustVariables.flatMap((name) => environment[name] ?? []).filter((path) => path !== shared));
  if (paths.size === 0) return shared;
  // A file that cannot be read is of no use to the programs that were to read it, either.
  const own = await Promise.all([...paths].map((path) => readFile(path, "utf8").catch(() => "")));
  const path = join(sessionDirectory, "proxy-ca.pem");
  await mkdir(sessionDirectory, { recursive: true, mode: 0o700 });
  await writeFile(path, [await readFile(shared, "utf8"), ...own].map((text) => `${text.trimEnd()}\n`).join(""));
  return path;
}
