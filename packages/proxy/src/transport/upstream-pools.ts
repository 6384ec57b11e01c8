import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

import { Pool, type buildConnector } from "undici";

import type { ProxyIdentity, ProxyTarget } from "../policy/proxy-types.ts";
import type { Dialer } from "./dial.ts";
import type { ProxyLimits } from "./limits.ts";
import { authorityOf } from "./problem-body.ts";

const mostOrigins = 200;
/** Shorter than what servers keep: a request that meets a closing connection cannot be sent again. */
const keepAliveMs = 4000;

/** What a request is sent through. */
export interface Upstream {
  readonly pool: Pool;
  /** As its `Host` header names it. */
  readonly host: string;
}

/**
 * Connections to origins, of one session under one policy: a change of the policy makes new pools, so that no connection outlives the check that allowed it, and no
 * session can use up another's.
 */
export class UpstreamPools {
  readonly #identity: ProxyIdentity | undefined;
  readonly #dialer: Dialer;
  readonly #limits: ProxyLimits;
  readonly #upstreams = new Map<string, Upstream>();

  constructor(identity: ProxyIdentity | undefined, options: { readonly dialer: Dialer; readonly limits: ProxyLimits }) {
    this.#identity = identity;
    this.#dialer = options.dialer;
    this.#limits = options.limits;
  }

  get(target: ProxyTarget): Upstream {
    const key = `${target.scheme}:${target.host}:${target.port}`;
    const known = this.#upstreams.get(key);
    if (known !== undefined) return known;
    const made = this.#create(target);
    this.#upstreams.set(key, made);
    if (this.#upstreams.size > mostOrigins) {
      const [oldest] = this.#upstreams;
      if (oldest !== undefined) {
        this.#upstreams.delete(oldest[0]);
        void oldest[1].pool.close();
      }
    }
    return made;
  }

  #create(target: ProxyTarget): Upstream {
    const override = this.#dialer.overrideOf(target);
    const isSecure = (override ?? target).scheme === "https";
    const host = authorityOf(override ?? target);
    let session: Buffer | undefined;
    const dial = async (done: buildConnector.Callback): Promise<void> => {
      let socket: Socket | TLSSocket;
      try {
        if (isSecure) {
          socket = await this.#dialer.connectTls(target, this.#identity, session);
          socket.on("session", (ticket: Buffer) => {
            session = ticket;
          });
        } else socket = await this.#dialer.connect(target, this.#identity);
      } catch (error) {
        done(error as Error, null);
        return;
      }
      done(null, socket);
    };
    const pool = new Pool(`${isSecure ? "https" : "http"}://${host}`, {
      connect: (_options, done) => {
        void dial(done);
      },
      allowH2: false,
      pipelining: 1,
      connections: this.#limits.upstreamConnections,
      headersTimeout: this.#limits.responseHeadMs,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: 60_000,
      maxHeaderSize: this.#limits.headerBytes,
    });
    return { pool, host };
  }

  /** Lets what is in flight end. */
  close(): void {
    for (const { pool } of this.#upstreams.values()) void pool.close();
    this.#upstreams.clear();
  }

  /** Cuts what is in flight. */
  destroy(reason: Error): void {
    for (const { pool } of this.#upstreams.values()) void pool.destroy(reason);
    this.#upstreams.clear();
  }
}
