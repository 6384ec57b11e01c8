import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { needsProxy, type ProxiedSession, type ProxyPort, type SessionIdentity } from "@clauderon/core";
import { BackendError, SettingsError, type Logger } from "@clauderon/core/contract";
import {
  checkSessionAccess,
  formatBudget,
  keptSessions,
  pushScope,
  sandboxWiring,
  type ProxyClient,
  type ProxyIdentity,
  type WiredAgent,
} from "@clauderon/proxy/client";

import type { ProxySupervisor, RunningProxy } from "./proxy-supervisor.ts";
import {
  directoryInside,
  prepareChannel,
  proxyHostInside,
  proxyPortInside,
  removeChannel,
  sandboxChannel,
} from "./session-channel.ts";
import { sessionPolicy } from "./session-policy.ts";

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

/** Gives the sessions of host backends the proxy of the home, once one is configured, and those whose sandbox has a channel wherever one may run: it is their only way out. */
export function createSessionProxy({ homeDirectory, supervisor, logger }: SessionProxyOptions): ProxyPort {
  const revoke: ProxyPort["revoke"] = async (sessionId, { keepsUse: keepsSpending } = {}) => {
    await removeChannel({ homeDirectory, sessionId });
    if (!(await keptSessions(homeDirectory)).includes(sessionId)) return;
    try {
      await supervisor.use(({ client }) => client.call("remove", { sessionId, keepsSpending }));
    } catch (error) {
      // A proxy that does not run lets nobody in, and the next reconciliation with one that runs ends the identity.
      logger.warn({ sessionId, error }, "the session's identity at the proxy could not be ended yet");
    }
  };
  return {
    check({ backend, isolation, hasChannel, access }) {
      checkSessionAccess(access);
      if (!needsProxy(access, isolation)) return;
      if (!supervisor.mayStart) throw switchedOff();
      if (isolation !== "none" && hasChannel !== true) throw noWayThere(backend);
    },
    async admit(session) {
      const needs = needsProxy(session.access, session.isolation);
      if (needs && !supervisor.mayStart) throw switchedOff();
      if (session.hasChannel === true && supervisor.mayStart) {
        return supervisor.use((running) => wireChannel(session, running, homeDirectory));
      }
      // A loopback address leads a sandbox of its own nowhere.
      const isProxied = session.isolation === "none" && (needs || (await supervisor.isConfigured()));
      if (isProxied) return supervisor.use((running) => wire(session, running));
      await revoke(session.id, { keepsUse: true });
      return {};
    },
    async change(session) {
      if (!(await keptSessions(homeDirectory)).includes(session.id)) return false;
      const identity = await identityOf(session);
      const { budget } = session.access;
      return supervisor.use(async ({ client }) => {
        if (!(await client.call("update", { identity }))) return false;
        await client.call("limit", { sessionId: session.id, limit: budget });
        return true;
      });
    },
    async budget({ id, access }) {
      if (!(await supervisor.isWanted())) {
        return { session: { limit: access.budget, isReached: false }, day: { isReached: false } };
      }
      return supervisor.use(async ({ client }) => {
        const { session, day, isKnown } = await client.call("budget", { sessionId: id });
        const { isReached, used } = session;
        return {
          session: { limit: access.budget, ...(isKnown ? { isReached, used } : { isReached: false }) },
          day: { ...day, limit: day.limit === undefined ? undefined : formatBudget(day.limit) },
        };
      });
    },
    revoke,
    admitted: () => keptSessions(homeDirectory),
    channel: (sessionId) => sandboxChannel({ homeDirectory, sessionId }, { supervisor, logger }),
  };
}

async function wire(
  session: ProxiedSession,
  { client, status }: RunningProxy,
): Promise<Readonly<Record<string, string>>> {
  // Asking git takes as long as all else.
  const [identity, wiring] = await Promise.all([identityOf(session), wiringOf(client)]);
  const caBundlePath = await bundleFor(session, status.bundlePath);
  const { token } = await client.call("add", { identity });
  // Nobody has the token yet.
  await client.call("limit", { sessionId: session.id, limit: session.access.budget });
  return variablesOf(session, wiring, {
    proxyUrl: `http://${session.id}:${token}@127.0.0.1:${status.port}`,
    caBundlePath,
  });
}

/** Who comes by the channel is the session: nothing that it is given is worth anything elsewhere. */
async function wireChannel(
  session: ProxiedSession,
  { client, status }: RunningProxy,
  homeDirectory: string,
): Promise<Readonly<Record<string, string>>> {
  const [identity, wiring, channelDirectory] = await Promise.all([
    identityOf(session),
    wiringOf(client),
    prepareChannel({ homeDirectory, sessionId: session.id }, status.bundlePath),
  ]);
  await client.call("add", { identity, channelDirectory });
  // Its sandbox does not run yet.
  await client.call("limit", { sessionId: session.id, limit: session.access.budget });
  return variablesOf(session, wiring, {
    proxyUrl: `http://${proxyHostInside}:${proxyPortInside}`,
    caBundlePath: `${directoryInside}/proxy-ca.pem`,
  });
}

function variablesOf(
  session: ProxiedSession,
  { rules, secrets, codexAccountId }: Awaited<ReturnType<typeof wiringOf>>,
  way: { readonly proxyUrl: string; readonly caBundlePath: string },
): Readonly<Record<string, string>> {
  return sandboxWiring({
    ...way,
    sessionId: session.id,
    noProxy: ownExceptions(session.environment),
    agent: wiredAgent(session.agent),
    rules,
    secrets: new Set(secrets),
    codexAccountId,
    given: new Set(Object.keys(session.environment)),
    now: new Date().toISOString(),
  }).environment;
}

/** What all sessions are wired with. */
const wiringOf = async (client: ProxyClient) => client.call("wiring", {});

async function identityOf(session: SessionIdentity): Promise<ProxyIdentity> {
  const { id, name, access, isolation, branch } = session;
  const url = await session.pushUrl();
  const push = url === undefined ? undefined : pushScope(url, branch);
  return { sessionId: id, sessionName: name, policy: sessionPolicy({ access, isolation, push }) };
}

function switchedOff(): SettingsError {
  return new SettingsError({
    message: "The proxy, which would have to hold the session to this, is switched off",
    why: "config.toml says [proxy] enabled = false",
    fix: ["clauderon config set proxy.enabled true && clauderon daemon restart", "or leave the options out"],
  });
}

function noWayThere(backend: string): BackendError {
  return new BackendError({
    code: "backend.unavailable",
    message: `Sessions on ${backend} cannot be held to an access mode, a list of hosts or a budget yet`,
    why: "its sandboxes have no way to the proxy",
    fix: [
      "leave these options out; --network none needs no proxy",
      "or choose another backend: clauderon backend list",
    ],
    context: { backend },
  });
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
