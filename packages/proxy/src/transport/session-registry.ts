import type { SecureContexts } from "../certificates/secure-contexts.ts";
import type { ProxyIdentity } from "../policy/proxy-types.ts";
import { createSessionTokens } from "../tokens/session-tokens.ts";
import { createToken, hashToken, type ProxySession, type ProxySessions } from "./sessions.ts";
import type { TransportContext } from "./transport-context.ts";
import { breakOff } from "./tunnel.ts";
import { UpstreamPools } from "./upstream-pools.ts";

/** What is kept of an identity over a restart of the proxy; holds no token. */
export interface IdentityRecord {
  readonly identity: ProxyIdentity;
  /** SHA-256 in hex; absent = the session comes by a socket or a carrier alone. */
  readonly tokenHash?: string | undefined;
  /** The authority whose certificates the session trusts. */
  readonly authorityId: string;
}

export interface SessionRegistryOptions {
  readonly context: TransportContext;
  readonly sessions: ProxySessions;
  /** The contexts of an authority, or of the current one when it is not known any more. */
  readonly contextsOf: (authorityId: string | undefined) => { readonly id: string; readonly contexts: SecureContexts };
}

/** Adds, changes and removes sessions while requests flow. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;

  constructor(options: SessionRegistryOptions) {
    this.#options = options;
  }

  /** Adds a session with a new token, or one from its record. An identity that exists is replaced, its token included. */
  add(identity: ProxyIdentity, kept?: Omit<IdentityRecord, "identity">): { token: string; record: IdentityRecord } {
    const token = createToken();
    const tokenHash = kept?.tokenHash === undefined ? hashToken(token) : Buffer.from(kept.tokenHash, "hex");
    this.remove(identity.sessionId);
    const session = this.create(identity, { tokenHash, authorityId: kept?.authorityId });
    this.#options.sessions.set(session);
    const record = { identity, tokenHash: tokenHash.toString("hex"), authorityId: session.authorityId };
    return { token, record };
  }

  /** A session that is not listed. */
  create(
    identity: ProxyIdentity,
    options: {
      readonly tokenHash?: Buffer | undefined;
      readonly authorityId?: string | undefined;
      readonly isAnonymous?: boolean;
    } = {},
  ): ProxySession {
    const { id, contexts } = this.#options.contextsOf(options.authorityId);
    const { clock } = this.#options.context;
    return {
      identity,
      isAnonymous: options.isAnonymous === true,
      contexts,
      authorityId: id,
      tokenHash: options.tokenHash,
      pools: this.#pools(identity),
      tokens: createSessionTokens(() => clock.monotonicMs()),
      requestCount: 0,
      tunnelCount: 0,
      isRemoved: false,
      connections: new Map(),
    };
  }

  /** From the next request on the session has this policy; connections that it forbids are cut. False when there is no such session. */
  update(identity: ProxyIdentity): boolean {
    const session = this.#options.sessions.get(identity.sessionId);
    if (session === undefined) return false;
    session.identity = identity;
    this.#renewPools(session);
    cutForbidden(session);
    return true;
  }

  /** New connections to upstreams for every session; those in use end as they are. */
  renewPools(): void {
    for (const session of this.#options.sessions.values()) this.#renewPools(session);
  }

  /** What was not sent yet is sent by the new ones. */
  #renewPools(session: ProxySession): void {
    const before = session.pools;
    session.pools = this.#pools(session.identity);
    before.close();
  }

  /** Ends the session: its token, its connections, what it has in flight. */
  remove(sessionId: string): boolean {
    const session = this.#options.sessions.get(sessionId);
    if (session === undefined) return false;
    this.#options.sessions.delete(sessionId);
    endSession(session);
    return true;
  }

  /** After a change of the rules: cuts what is not allowed any more. */
  review(): void {
    for (const session of this.#options.sessions.values()) cutForbidden(session);
  }

  #pools(identity: ProxyIdentity): UpstreamPools {
    const { dialer, limits } = this.#options.context;
    return new UpstreamPools({ identity, dialer, limits });
  }
}

function cutForbidden(session: ProxySession): void {
  for (const [socket, isStillAllowed] of session.connections) if (isStillAllowed?.() === false) breakOff(socket);
}

/** Cuts all that a session has open. */
export function endSession(session: ProxySession): void {
  session.isRemoved = true;
  for (const socket of session.connections.keys()) breakOff(socket);
  session.connections.clear();
  session.pools.destroy(new Error("the session has ended"));
}
