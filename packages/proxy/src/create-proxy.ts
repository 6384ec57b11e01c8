import type { Duplex } from "node:stream";

import { DaemonError } from "@clauderon/core/contract";

import type { CreateProxySettings, UpstreamSettings } from "./create-proxy-settings.ts";
import type { PolicyEngine, ProxyIdentity } from "./policy/proxy-types.ts";
import { RunningProxy, type ProxyStatus } from "./running-proxy.ts";
import { withHolder } from "./transport/port-taken.ts";
import type { IdentityRecord } from "./transport/session-registry.ts";

/** What a new identity needs to be used. */
export interface AddedIdentity {
  /** Password for the proxy's URL, whose user is the session's id. Known to the caller alone: the proxy keeps a hash. */
  readonly token: string;
  /** What brings the identity back after a restart, by `add(identity, record)`; the token above is then void. */
  readonly record: IdentityRecord;
}

/** Who may use the proxy; changes hold from the next request on. */
export interface ProxyIdentities {
  add(identity: ProxyIdentity, kept?: Omit<IdentityRecord, "identity">): Promise<AddedIdentity>;
  /** Replaces what the session may do and cuts what it may not do any more. False when there is no such session. */
  update(identity: ProxyIdentity): Promise<boolean>;
  /** Ends the token, every connection and everything in flight. False when there is no such session. */
  remove(sessionId: string): Promise<boolean>;
}

export interface ListenOptions {
  /** 0 or none takes a free one. */
  readonly port?: number | undefined;
  /** Whether it is found out who has a port that is taken, which looks at every process of this machine. Default true. */
  readonly findsHolder?: boolean | undefined;
}

export interface Proxy extends AsyncDisposable {
  readonly identities: ProxyIdentities;
  /** Listens on loopback, where a token says who asks. Rejects with `daemon.port-taken`. */
  listen(options?: ListenOptions): Promise<{ readonly port: number }>;
  /** Listens on a Unix socket that only this session is given; the path is its identity. */
  listenForSession(sessionId: string, path: string): Promise<void>;
  /** Listens on a Unix socket for what the daemon hands over: with a token as its session, without one as nobody. */
  listenForDaemon(path: string): Promise<void>;
  /** Serves one connection that a carrier brought for a session. */
  accept(connection: Duplex, sessionId: string): Promise<void>;
  /** Decides by these rules from the next request on and cuts what they forbid. */
  usePolicy(policy: PolicyEngine): void;
  /** Goes to upstreams by these settings from the next connection on, and trusts their authorities; what is in flight ends as it began. */
  useUpstream(upstream: UpstreamSettings): Promise<void>;
  /** Cuts connections that would not be let in now (a budget that was set, a secret that was removed). */
  review(): Promise<void>;
  /** A new authority for new sessions; the old one stays trusted and in use until the last session that began with it has ended. */
  rotateAuthority(): Promise<void>;
  status(): Promise<ProxyStatus>;
  /** Stops listening and cuts everything; clients see an error, never a clean end. */
  close(): Promise<void>;
}

/** A credential proxy. Nothing is read or written before the first asynchronous call. */
export function createProxy(settings: CreateProxySettings): Proxy {
  let running: Promise<RunningProxy> | undefined;
  let isClosed = false;
  let policy = settings.policy;
  const run = async (): Promise<RunningProxy> => {
    if (isClosed)
      throw new DaemonError({
        code: "daemon.unreachable",
        message: "The proxy is closed",
        fix: ["make another with createProxy"],
      });
    running ??= RunningProxy.start(settings, () => policy);
    return running;
  };
  const close = async (): Promise<void> => {
    isClosed = true;
    const started = await running?.catch(() => undefined);
    await started?.close();
  };
  return {
    identities: {
      add: async (identity, kept) => (await run()).registry.add(identity, kept),
      update: async (identity) => (await run()).registry.update(identity),
      remove: async (sessionId) => (await run()).remove(sessionId),
    },
    listen: async ({ port = 0, findsHolder = true } = {}) => {
      const { entries } = await run();
      try {
        return { port: await entries.listenOnLoopback(port) };
      } catch (error) {
        throw findsHolder ? await withHolder(error, port) : error;
      }
    },
    listenForSession: async (sessionId, path) => (await run()).entries.listenForSession(sessionId, path),
    listenForDaemon: async (path) => (await run()).entries.listenForDaemon(path),
    accept: async (connection, sessionId) => (await run()).entries.accept(connection, sessionId),
    usePolicy(next) {
      policy = next;
      void running?.then(({ registry }) => registry.review());
    },
    useUpstream: async (upstream) => (await run()).useUpstream(upstream),
    review: async () => (await run()).registry.review(),
    rotateAuthority: async () => (await run()).authorities.rotate(),
    status: async () => (await run()).status(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
