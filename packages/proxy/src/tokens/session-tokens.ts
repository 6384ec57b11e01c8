import { randomBytes } from "node:crypto";

import { tokenHandlePrefix } from "../policy/placeholder-search.ts";

/** A short-lived credential that a host handed out, which the proxy keeps. */
export interface KeptToken {
  readonly token: string;
  /** The name of the secret it was made from; absent = asked for without a login. */
  readonly secret: string | undefined;
  /** `host` or `host:port`, where it is put in. */
  readonly hosts: readonly string[];
}

/** The tokens of one session: it holds handles, each good at the token's own hosts and gone with the session. */
export interface SessionTokens {
  /** The handle that stands for a token; the same one for the same token. */
  keep(token: KeptToken, lifetimeMs: number): string;
  find(handle: string): KeptToken | undefined;
}

/** Clients ask for a token per repository and action. */
const capacity = 256;
const handleBytes = 32;

/** Makes the tokens of a session; nothing of it is written down. */
export function createSessionTokens(monotonicMs: () => number): SessionTokens {
  const kept = new Map<string, KeptToken & { readonly endsAtMs: number }>();
  const prune = (): void => {
    const now = monotonicMs();
    for (const [handle, { endsAtMs }] of kept) if (endsAtMs <= now) kept.delete(handle);
    const [oldest] = kept.keys();
    if (kept.size >= capacity && oldest !== undefined) kept.delete(oldest);
  };
  return {
    keep(token, lifetimeMs) {
      prune();
      const known = [...kept].find(([, entry]) => entry.token === token.token && isSame(entry, token))?.[0];
      const handle = known ?? `${tokenHandlePrefix}${randomBytes(handleBytes).toString("base64url")}`;
      kept.set(handle, { ...token, endsAtMs: monotonicMs() + lifetimeMs });
      return handle;
    },
    find(handle) {
      const entry = kept.get(handle);
      return entry === undefined || entry.endsAtMs <= monotonicMs() ? undefined : entry;
    },
  };
}

function isSame(one: KeptToken, other: KeptToken): boolean {
  return one.secret === other.secret && one.hosts.join() === other.hosts.join();
}
