import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ProxyIdentity, SessionPolicy } from "../../policy/proxy-types.ts";
import { startProxyProcess, type ProxyClient } from "../../process/proxy-client.ts";
import { upstreamAuthority } from "../../transport/testing/recording-upstream.fixture.ts";
import { basic } from "../../transport/testing/test-proxy.fixture.ts";
import type { SessionName } from "./attack-case.fixture.ts";
import { startAttackUpstreams, type AttackUpstreams } from "./attack-upstreams.fixture.ts";
import { plantSecrets } from "./planted-secrets.fixture.ts";

/** A proxy under attack. */
export interface Subject {
  readonly port: number;
  /** What clients trust. */
  readonly ca: string;
  readonly authorization: (session: SessionName) => string;
  /** How long a client waits for an answer before it says there was none. */
  readonly patienceMs: number;
  /** Of a peer it is enough to know that something got through. */
  readonly isPeer?: boolean;
}

/** The proxy's own process under attack, with everything it could be led to. */
export interface AttackWorld extends AsyncDisposable {
  readonly subject: Subject;
  readonly upstreams: AttackUpstreams;
  readonly client: ProxyClient;
  readonly home: string;
  readonly userHome: string;
  readonly processId: number;
  identity(session: SessionName): ProxyIdentity;
}

/** The host whose credential is put in, and one that has HTTP/2. */
export const ruledHost = "api.anthropic.com";
export const http2Host = "api.openai.com";

const listed: SessionPolicy = { accessMode: "read-write", network: "listed", allow: [], deny: [], isIsolated: true };
const policies: Readonly<Record<SessionName, SessionPolicy>> = {
  listed,
  open: { ...listed, network: "open" },
  wide: { ...listed, network: "open", allow: ["*.internal", "*.localhost", "0.0.0.0/0", "::/0", "127.0.0.0/8"] },
  "read-only": { ...listed, accessMode: "read-only" },
  scoped: { ...listed, push: { host: "github.com", repository: "acme/app", ref: "refs/heads/clauderon/fix" } },
  none: { ...listed, network: "none" },
};

const gatewayHosts: readonly string[] = [
  ruledHost,
  "api.github.com",
  "github.com",
  "uploads.github.com",
  "generativelanguage.googleapis.com",
  "npm.example.com",
  "chatgpt.com",
  "auth.openai.com",
  "upload.pypi.org",
  "pypi.org",
  "ghcr.io",
  "registry-1.docker.io",
  "eu.sentry.example",
  "vault.example",
  "missing.example",
];

function proxyToml({ gateway, http2, evil }: AttackUpstreams, authorityPath: string): string {
  const to = (hosts: readonly string[], port: number): string =>
    hosts.map((host) => `"${host}" = "https://localhost:${port}"\n`).join("");
  return `[proxy]
extra_ca = "${authorityPath}"
[proxy.upstreams]
${to(gatewayHosts, gateway.port)}${to([http2Host], http2.port)}${to(["evil.test", "example.com"], evil.port)}
[[rules]]
id = "sentry"
host = "*.sentry.example"
paths = ["/api/**"]
inject = { header = "Authorization", format = "Bearer {secret}" }
secret = "sentry"
placeholder = "clauderon-sentry-placeholder"
[[rules]]
id = "vault"
host = "vault.example"
inject = { basic = "user" }
secret = "vault"
placeholder = "clauderon-vault-placeholder"
[[rules]]
id = "missing"
host = "missing.example"
inject = { header = "Authorization", format = "Bearer {secret}" }
secret = "missing"
placeholder = "clauderon-missing-placeholder"
`;
}

/** Starts the proxy's process in a home of its own, with a session of each kind. */
export async function startAttackWorld(): Promise<AttackWorld> {
  await using stack = new AsyncDisposableStack();
  const userHome = await mkdtemp(join(tmpdir(), "clauderon-pa-"));
  stack.defer(async () => rm(userHome, { recursive: true, force: true, maxRetries: 10 }));
  const home = join(userHome, "h");
  const upstreams = stack.use(await startAttackUpstreams());
  await mkdir(home, { mode: 0o700 });
  await chmod(home, 0o700);
  const { environment, settings } = await plantSecrets({ home, userHome });
  await writeFile(join(userHome, "ca.pem"), upstreamAuthority.certificatePem);
  await writeFile(join(userHome, ".npmrc"), "registry=https://npm.example.com/\n");
  await writeFile(join(home, "proxy.toml"), settings + proxyToml(upstreams, join(userHome, "ca.pem")));
  const client = await startProxyProcess({
    home,
    userHome,
    environment,
    closedPorts: [upstreams.inside.port],
  });
  stack.defer(async () => {
    await client.call("stop", { whenIdle: false }).catch(() => undefined);
    await client.ended;
  });
  const { port, bundlePath, processId } = await client.call("status", {});
  const identity = (session: SessionName): ProxyIdentity => ({
    sessionId: session,
    sessionName: session,
    policy: policies[session],
  });
  const tokens = new Map<SessionName, string>();
  for (const session of Object.keys(policies) as SessionName[]) {
    const { token } = await client.call("add", { identity: identity(session) });
    tokens.set(session, basic(session, token));
  }
  const ca = await readFile(bundlePath, "utf8");
  const open = stack.move();
  return {
    subject: { port, ca, authorization: (session) => tokens.get(session) ?? "", patienceMs: 20_000 },
    upstreams,
    client,
    home,
    userHome,
    processId,
    identity,
    async [Symbol.asyncDispose]() {
      await open.disposeAsync();
    },
  };
}
