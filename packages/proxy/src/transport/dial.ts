import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type SecureContext, type TLSSocket } from "node:tls";

import { formatAuthority } from "../policy/canonical-host.ts";
import type { ProxyIdentity, ProxyTarget, Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import { createRelay, rememberRelay } from "./relay.ts";

/** A connection that was not made, with what the client is told. */
export class DialError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, cause?: unknown) {
    super(refusal.message, { cause });
    this.name = "DialError";
    this.refusal = refusal;
  }
}

/** Where a host's connections really go: the user's own gateway instead of the host. */
export interface UpstreamOverride {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
}

/** A proxy of the user's own network, through which everything leaves. */
export interface CorporateProxy {
  readonly host: string;
  readonly port: number;
  /** `user:password` as they are, nothing of them escaped. */
  readonly credentials?: string | undefined;
}

/** Judges all addresses a name has before one is connected to. */
export type CheckAddresses = (
  addresses: readonly string[],
  question: { readonly target: ProxyTarget; readonly identity: ProxyIdentity | undefined },
) => Refusal | undefined;

export interface DialerSettings {
  readonly checkAddresses: CheckAddresses;
  /** Trusted for upstreams. */
  readonly secureContext: SecureContext;
  readonly connectMs: number;
  /** Default: the system's resolver. */
  readonly resolve?: ((host: string) => Promise<readonly string[]>) | undefined;
  /** By host, for all its ports. */
  readonly overrides?: ReadonlyMap<string, UpstreamOverride> | undefined;
  readonly corporateProxy?: CorporateProxy | undefined;
}

export interface TlsDialOptions {
  /** Of an earlier connection, to take up again. */
  readonly session?: Buffer | undefined;
  /** The upstream may choose HTTP/2. */
  readonly offersHttp2?: boolean;
}

export interface Dialer {
  /** A TCP connection to a checked address of the target. */
  connect(
    target: ProxyTarget,
    identity: ProxyIdentity | undefined,
    options?: { readonly isRelayed?: boolean },
  ): Promise<Socket>;
  /** The same with TLS in it, the certificate verified for the target. */
  connectTls(target: ProxyTarget, identity: ProxyIdentity | undefined, options?: TlsDialOptions): Promise<TLSSocket>;
  /** The gateway that stands for the target's host. */
  overrideOf(target: ProxyTarget): UpstreamOverride | undefined;
}

/** Resolves once, checks every address, connects to none but these. */
export function createDialer(settings: DialerSettings): Dialer {
  const resolve = settings.resolve ?? resolveWithSystem;
  const overrideOf = (target: ProxyTarget): UpstreamOverride | undefined =>
    target.scheme === "tcp" ? undefined : settings.overrides?.get(target.host);

  const checked = async (target: ProxyTarget, identity: ProxyIdentity | undefined): Promise<readonly string[]> => {
    const addresses = isIP(target.host) === 0 ? await resolved(target.host, resolve) : [target.host];
    const refusal = settings.checkAddresses(addresses, { target, identity });
    if (refusal !== undefined) throw new DialError(refusal);
    return addresses;
  };

  const plain: Dialer["connect"] = async (target, identity, { isRelayed = false } = {}) => {
    const override = overrideOf(target);
    const place = override ?? target;
    const proxy = settings.corporateProxy;
    if (proxy !== undefined && override === undefined) {
      // The corporate proxy resolves names; an address that is written out is judged here all the same.
      if (isIP(target.host) !== 0) await checked(target, identity);
      const addresses = isIP(proxy.host) === 0 ? await resolved(proxy.host, resolve) : [proxy.host];
      const socket = await open(addresses, proxy.port, settings);
      return connectThrough(socket, { proxy, target, answerMs: settings.connectMs });
    }
    // The user named the gateway, and by that its address.
    const addresses =
      override === undefined
        ? await checked(target, identity)
        : isIP(place.host) === 0
          ? await resolved(place.host, resolve)
          : [place.host];
    return open(addresses, place.port, { connectMs: settings.connectMs, isRelayed });
  };

  return {
    connect: plain,
    overrideOf,
    async connectTls(target, identity, options) {
      const socket = await plain(target, identity);
      return secure(socket, overrideOf(target)?.host ?? target.host, { ...options, settings });
    },
  };
}

async function resolveWithSystem(host: string): Promise<readonly string[]> {
  const answers = await lookup(host, { all: true, verbatim: true });
  return answers.map(({ address }) => address);
}

async function resolved(
  host: string,
  resolve: (host: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    return await resolve(host);
  } catch (error) {
    throw new DialError(
      refuse(502, "name-not-resolved", {
        message: `The name ${host} could not be resolved (${codeOf(error)})`,
        fix: "check the host's spelling and this machine's DNS",
      }),
      error,
    );
  }
}

/** Connects to one of the addresses, by their order and, where one does not answer, side by side. */
async function open(
  addresses: readonly string[],
  port: number,
  { connectMs, isRelayed = false }: { readonly connectMs: number; readonly isRelayed?: boolean },
): Promise<Socket> {
  const [first] = addresses;
  const relay = isRelayed ? createRelay() : undefined;
  return new Promise((fulfil, fail) => {
    const answers = addresses.map((address) => ({ address, family: isIP(address) }));
    const socket = connect({
      port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      ...(relay === undefined ? {} : { onread: relay.onread }),
      ...(answers.length === 1
        ? { host: first ?? "" }
        : {
            host: "checked.invalid",
            autoSelectFamily: true,
            lookup: (_host, _options, done): void => done(null, answers),
          }),
    });
    if (relay !== undefined) {
      // Nothing is read before it is known where to.
      socket.pause();
      rememberRelay(socket, relay);
    }
    const timer = setTimeout(() => {
      socket.destroy(new Error("ETIMEDOUT"));
    }, connectMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", onError);
      fulfil(socket);
    });
    const onError = (error: Error): void => {
      clearTimeout(timer);
      fail(
        new DialError(
          refuse(502, "upstream-unreachable", {
            message: `The upstream did not take the connection (${codeOf(error)})`,
            fix: "check that the host is up and that this machine reaches it",
          }),
          error,
        ),
      );
    };
    socket.once("error", onError);
  });
}

interface SecureOptions extends TlsDialOptions {
  readonly settings: DialerSettings;
}

async function secure(
  socket: Socket,
  host: string,
  { settings, session, offersHttp2 }: SecureOptions,
): Promise<TLSSocket> {
  return new Promise((fulfil, fail) => {
    const tls = connectTls({
      socket,
      secureContext: settings.secureContext,
      ALPNProtocols: offersHttp2 === true ? ["h2", "http/1.1"] : ["http/1.1"],
      rejectUnauthorized: true,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
      ...(session === undefined ? {} : { session }),
    });
    const timer = setTimeout(() => tls.destroy(new Error("ETIMEDOUT")), settings.connectMs);
    const onError = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      fail(
        new DialError(
          refuse(502, "upstream-tls", {
            message: `The upstream ${host} has no TLS connection that can be trusted (${codeOf(error)})`,
            fix: "check its certificate; an authority of your own is named by extra_ca in proxy.toml",
          }),
          error,
        ),
      );
    };
    tls.once("error", onError);
    tls.once("secureConnect", () => {
      clearTimeout(timer);
      tls.off("error", onError);
      fulfil(tls);
    });
  });
}

const longestAnswer = 16 * 1024;

interface ConnectQuestion {
  readonly proxy: CorporateProxy;
  readonly target: ProxyTarget;
  readonly answerMs: number;
}

async function connectThrough(socket: Socket, { proxy, target, answerMs }: ConnectQuestion): Promise<Socket> {
  const authority = formatAuthority(target);
  const credentials = proxy.credentials;
  const authorization =
    credentials === undefined ? "" : `proxy-authorization: Basic ${Buffer.from(credentials).toString("base64")}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${authorization}\r\n`);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    socket.destroy();
  }, answerMs);
  let answer = Buffer.alloc(0);
  while (answer.indexOf("\r\n\r\n") === -1) {
    const chunk = await nextChunk(socket);
    if (chunk === undefined || answer.length + chunk.length > longestAnswer) break;
    answer = Buffer.concat([answer, chunk]);
  }
  clearTimeout(timer);
  if (isLate)
    throw new DialError(
      refuse(504, "upstream-proxy-slow", {
        message: `The upstream proxy ${proxy.host}:${proxy.port} did not answer for ${target.host} within ${answerMs / 1000} s`,
        fix: "try again later; the proxy is named by upstream in proxy.toml, or HTTPS_PROXY of the daemon",
      }),
    );
  const end = answer.indexOf("\r\n\r\n");
  const status = /^HTTP\/1\.[01] (?<status>\d{3})/u.exec(answer.toString("latin1"))?.groups?.["status"];
  if (end === -1 || status === undefined || !status.startsWith("2")) {
    socket.destroy();
    throw new DialError(
      refuse(502, "upstream-proxy-refused", {
        message: `The upstream proxy ${proxy.host}:${proxy.port} did not connect to ${target.host} (${status ?? "no answer"})`,
        fix: "check upstream in proxy.toml, or HTTPS_PROXY of the daemon",
      }),
    );
  }
  if (answer.length > end + 4) socket.unshift(answer.subarray(end + 4));
  return socket;
}

async function nextChunk(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((fulfil) => {
    const done = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null && !socket.readableEnded && !socket.destroyed) return;
      for (const event of ["readable", "end", "error", "close"]) socket.off(event, done);
      fulfil(chunk ?? undefined);
    };
    for (const event of ["readable", "end", "error", "close"]) socket.on(event, done);
  });
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
