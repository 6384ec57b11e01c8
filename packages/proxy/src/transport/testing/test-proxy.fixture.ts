import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";

import type { AuditEntry } from "../../audit/audit-entry.ts";
import type { CreateProxySettings } from "../../create-proxy-settings.ts";
import { createProxy, type Proxy } from "../../create-proxy.ts";
import type {
  ConnectVerdict,
  CredentialRule,
  PolicyEngine,
  ProxyIdentity,
  ProxyRequest,
  RequestVerdict,
  SessionPolicy,
} from "../../policy/proxy-types.ts";
import { refuse } from "../../policy/refusal.ts";
import { upstreamAuthority } from "./recording-upstream.fixture.ts";

export const realSecret = "REAL-SECRET-cd41a9";
export const openPolicy: SessionPolicy = {
  accessMode: "read-write",
  network: "listed",
  allow: [],
  deny: [],
  isIsolated: true,
};

/** The rule of `api.test`: intercepted, a bearer token injected. */
export const apiRule: CredentialRule = {
  id: "api",
  description: "for tests",
  host: "api.test",
  protocol: "http",
  inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
  secret: "api",
  placeholder: "placeholder",
};

export interface TestPolicy {
  connect?: (identity: ProxyIdentity | undefined, host: string) => ConnectVerdict | undefined;
  request?: (identity: ProxyIdentity, request: ProxyRequest) => RequestVerdict | undefined;
}

/** A small stand-in: `api.test` and `*.rule.test` are intercepted, `tunnel.test` is not looked into, `evil.test` and the rest are refused. */
export function testEngine(policy: TestPolicy = {}): PolicyEngine {
  const refused = refuse(403, "host-not-allowed", { message: "not allowed", fix: "--allow it" });
  return {
    decideConnect(identity, { host }) {
      const own = policy.connect?.(identity, host);
      if (own !== undefined) return own;
      if (identity === undefined && host === "api.test") return { kind: "tunnel" };
      if (host === "api.test" || host.endsWith(".rule.test")) return { kind: "intercept", ruleId: "api" };
      if (host === "tunnel.test") return { kind: "tunnel" };
      return { kind: "refuse", refusal: refused };
    },
    decideRequest(identity, request) {
      const own = policy.request?.(identity, request);
      if (own !== undefined) return own;
      if (request.target.host === "api.test" && request.target.scheme === "https")
        return { kind: "forward", rule: apiRule, secret: "api" };
      if (request.target.host.endsWith(".test") && request.target.host !== "evil.test") return { kind: "forward" };
      return { kind: "refuse", refusal: refused };
    },
    addressRules: () => ({ allowed: [], denied: [] }),
  };
}

export interface TestProxy extends AsyncDisposable {
  readonly proxy: Proxy;
  readonly port: number;
  readonly directory: string;
  readonly records: AuditEntry[];
  readonly token: string;
  readonly ca: string;
  /** The header that makes the test session known. */
  readonly authorization: string;
}

export function identity(sessionId = "s1", policy: SessionPolicy = openPolicy): ProxyIdentity {
  return { sessionId, sessionName: `name-${sessionId}`, policy };
}

export function basic(user: string, token: string): string {
  return `Basic ${Buffer.from(`${user}:${token}`).toString("base64")}`;
}

/** A proxy with one session, whose upstream names all lead to 127.0.0.1. */
export async function startTestProxy(
  options: Partial<CreateProxySettings> & { readonly engine?: PolicyEngine } = {},
): Promise<TestProxy> {
  const directory = await mkdtemp(join(tmpdir(), "clauderon-proxy-"));
  const records: AuditEntry[] = [];
  const { engine, upstream, ...settings } = options;
  const proxy = createProxy({
    authorityPath: join(directory, "proxy", "authority.pem"),
    bundlePath: join(directory, "proxy-ca.pem"),
    policy: engine ?? testEngine(),
    readSecret: async (name) => (name === "api" ? realSecret : undefined),
    writeRecord: (record) => {
      records.push(record);
    },
    ...settings,
    upstream: {
      extraCertificates: [upstreamAuthority.certificatePem],
      resolve: async () => ["127.0.0.1"],
      checkAddresses: () => undefined,
      ...upstream,
    },
  });
  const { port } = await proxy.listen();
  const { token } = await proxy.identities.add(identity());
  return {
    proxy,
    port,
    directory,
    records,
    token,
    ca: await readFile(join(directory, "proxy-ca.pem"), "utf8"),
    authorization: basic("s1", token),
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** All that a connection gives until it ends, or until the condition holds. */
export async function readUntil(
  socket: Socket,
  condition: (text: string) => boolean = () => false,
): Promise<{ readonly text: string; readonly isEnded: boolean; readonly error: Error | undefined }> {
  return new Promise((fulfil) => {
    let text = "";
    let error: Error | undefined;
    let isEnded = false;
    const done = (): void => {
      socket.off("data", onData).off("end", onEnd).off("error", onError).off("close", done);
      socket.on("error", () => undefined);
      socket.pause();
      fulfil({ text, isEnded, error });
    };
    const onData = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      if (condition(text)) done();
    };
    const onEnd = (): void => {
      isEnded = true;
      done();
    };
    const onError = (value: Error): void => {
      error = value;
    };
    socket.on("data", onData).on("end", onEnd).on("error", onError).on("close", done);
    socket.resume();
    if (socket.destroyed) done();
  });
}

/** Whether a text holds a whole answer with a Content-Length. */
export function isWholeAnswer(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const size = /content-length: (?<size>\d+)/iu.exec(text.slice(0, end))?.groups?.["size"];
  return size !== undefined && text.length >= end + 4 + Number(size);
}

export async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  await new Promise((fulfil) => {
    socket.once("connect", fulfil);
  });
  return socket;
}

export interface TunnelRequest {
  readonly target: string;
  readonly authorization?: string | undefined;
  readonly extraHeaders?: string;
}

/** Sends a CONNECT and gives the connection with the answer's text. */
export async function connectThrough(
  test: Pick<TestProxy, "port" | "authorization">,
  { target, authorization = test.authorization, extraHeaders = "" }: TunnelRequest,
): Promise<{ readonly socket: Socket; readonly answer: string }> {
  const socket = await dial(test.port);
  const identityLine = authorization === "" ? "" : `proxy-authorization: ${authorization}\r\n`;
  socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${identityLine}${extraHeaders}\r\n`);
  const { text } = await readUntil(socket, (so) => so.startsWith("HTTP/1.1 200") && so.includes("\r\n\r\n"));
  return { socket, answer: text };
}

/** TLS inside a tunnel, as a client that trusts the bundle speaks it. */
export async function tlsThrough(
  test: Pick<TestProxy, "port" | "authorization" | "ca">,
  options: TunnelRequest & {
    readonly servername?: string;
    readonly isUnverified?: boolean;
    readonly protocols?: string[];
  },
): Promise<TLSSocket> {
  const { socket, answer } = await connectThrough(test, options);
  if (!answer.startsWith("HTTP/1.1 200")) throw new Error(`no tunnel: ${answer}`);
  return new Promise((fulfil, fail) => {
    const servername = options.servername ?? options.target.replace(/:\d+$/u, "");
    const tls = connectTls({
      socket,
      ...(servername === "" ? {} : { servername }),
      ca: test.ca,
      rejectUnauthorized: options.isUnverified !== true,
      ALPNProtocols: options.protocols ?? ["http/1.1"],
    });
    tls.once("secureConnect", () => {
      tls.off("error", fail);
      tls.on("error", () => undefined);
      fulfil(tls);
    });
    tls.once("error", fail);
  });
}
