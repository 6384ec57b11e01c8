import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Duplex } from "node:stream";

import type { SecureContexts } from "../certificates/secure-contexts.ts";
import type { ProxyIdentity } from "../policy/proxy-types.ts";
import type { SessionTokens } from "../tokens/session-tokens.ts";
import type { UpstreamPools } from "./upstream-pools.ts";

const tokenBytes = 32;

export type StillAllowed = () => boolean;

/** What the proxy holds of one session. */
export interface ProxySession {
  /** Replaced as a whole; read once per request. */
  identity: ProxyIdentity;
  readonly isAnonymous: boolean;
  readonly contexts: SecureContexts;
  readonly authorityId: string;
  tokenHash: Buffer | undefined;
  pools: UpstreamPools;
  /** Short-lived credentials that hosts handed out to it, which it holds handles for. */
  readonly tokens: SessionTokens;
  requestCount: number;
  isRemoved: boolean;
  tunnelCount: number;
  /** The client's connections; those that are decided on once, not per request, with the question whether they still may be. */
  readonly connections: Map<Duplex, StillAllowed | undefined>;
}

/** A new token: 256 bits, for a URL. */
export function createToken(): string {
  return randomBytes(tokenBytes).toString("base64url");
}

export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

const nobody = randomBytes(tokenBytes);

/** All sessions by their id; finds the one a `Proxy-Authorization` belongs to. */
export class ProxySessions {
  readonly #sessions = new Map<string, ProxySession>();

  get(sessionId: string): ProxySession | undefined {
    return this.#sessions.get(sessionId);
  }

  set(session: ProxySession): void {
    this.#sessions.set(session.identity.sessionId, session);
  }

  delete(sessionId: string): void {
    this.#sessions.delete(sessionId);
  }

  values(): Iterable<ProxySession> {
    return this.#sessions.values();
  }

  /** `Basic` with the session's id as user and its token as password. An unknown user costs the same time as a wrong token. */
  authenticate(header: string): ProxySession | undefined {
    const parts = /^basic +(?<value>[A-Za-z0-9+/_-]+={0,2})$/iu.exec(header);
    const text = Buffer.from(parts?.groups?.["value"] ?? "", "base64").toString("utf8");
    const colon = text.indexOf(":");
    const session = this.#sessions.get(text.slice(0, Math.max(colon, 0)));
    const isRight = timingSafeEqual(hashToken(text.slice(colon + 1)), session?.tokenHash ?? nobody);
    return isRight && session?.tokenHash !== undefined ? session : undefined;
  }
}
