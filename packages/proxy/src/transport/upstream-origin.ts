import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { TLSSocket } from "node:tls";

import { Pool, type buildConnector, type Dispatcher } from "undici";

import type { ProxyIdentity, ProxyTarget } from "../policy/proxy-types.ts";
import type { Dialer } from "./dial.ts";
import type { ExchangeHandler, Http1RequestParts } from "./http1-connection.ts";
import { Http1Pool } from "./http1-pool.ts";
import type { ProxyLimits } from "./limits.ts";
import { authorityOf } from "./problem-body.ts";
import { withoutContinue } from "./without-continue.ts";

/** Shorter than what servers keep: a request that meets a closing connection cannot be sent again. */
const keepAliveMs = 4000;
/** A client does not wait longer for its handshake than this; it then gets HTTP/1.1. */
const probeMs = 5000;
const http2Connections = 4;
const streamsPerConnection = 100;
const streamWindowBytes = 1024 * 1024;
/** Wide enough that some answers which nobody reads do not hold up the others. */
const connectionWindowBytes = 16 * 1024 * 1024;

/** Where requests are handed in. */
export interface RequestPool {
  dispatch(request: UpstreamRequest, handler: ExchangeHandler & Dispatcher.DispatchHandler): unknown;
  close(): unknown;
  destroy(reason: Error): unknown;
}

export interface UpstreamRequest extends Omit<Http1RequestParts, "body"> {
  readonly body: Readable | Buffer | null;
  readonly method: Dispatcher.HttpMethod;
  readonly headers: string[];
  readonly upgrade: string | null;
  readonly idempotent: boolean;
}

/** What a request is sent through. */
export interface Upstream {
  readonly pool: RequestPool;
  /** As its `Host` header names it. */
  readonly host: string;
}

export interface UpstreamOriginOptions {
  readonly identity: ProxyIdentity | undefined;
  readonly dialer: Dialer;
  readonly limits: ProxyLimits;
}

/** The connections to one origin: some for clients of HTTP/1.1, others for those of HTTP/2. */
export class UpstreamOrigin {
  readonly #target: ProxyTarget;
  readonly #options: UpstreamOriginOptions;
  readonly #isSecure: boolean;
  readonly #host: string;
  #http1: Upstream | undefined;
  #http2: Upstream | undefined;
  #session: Buffer | undefined;
  #protocol: "h2" | "http/1.1" | undefined;
  #probe: Promise<boolean> | undefined;
  /** Made to ask for the protocol; the first request goes over it. */
  #spare: TLSSocket | undefined;
  #isClosed = false;

  constructor(target: ProxyTarget, options: UpstreamOriginOptions) {
    const place = options.dialer.overrideOf(target) ?? target;
    this.#target = target;
    this.#options = options;
    this.#isSecure = place.scheme === "https";
    this.#host = authorityOf(place);
  }

  /** For a client of HTTP/1.1. */
  get http1(): Upstream {
    this.#http1 ??= this.#createHttp1();
    return this.#http1;
  }

  /** For a client of HTTP/2; an upstream that does not speak it any more gets HTTP/1.1. */
  get http2(): Upstream {
    if (!this.#isSecure || this.#protocol === "http/1.1") return this.http1;
    this.#http2 ??= { pool: this.#create(true), host: this.#host };
    return this.#http2;
  }

  /** Whether the origin speaks HTTP/2: asked once, over a connection that is then used. An origin that is not reached is asked again. */
  async speaksHttp2(): Promise<boolean> {
    if (!this.#isSecure || this.#isClosed) return false;
    if (this.#protocol !== undefined) return this.#protocol === "h2";
    this.#probe ??= this.#ask().finally(() => {
      this.#probe = undefined;
    });
    return withinTime(this.#probe);
  }

  /** Lets what is in flight end. */
  close(): void {
    this.#isClosed = true;
    this.#spare?.destroy();
    void this.#http1?.pool.close();
    void this.#http2?.pool.close();
  }

  /** Cuts what is in flight. */
  destroy(reason: Error): void {
    this.#isClosed = true;
    this.#spare?.destroy();
    void this.#http1?.pool.destroy(reason);
    void this.#http2?.pool.destroy(reason);
  }

  async #ask(): Promise<boolean> {
    let socket: TLSSocket;
    try {
      socket = await this.#connectTls(true);
    } catch {
      // The first request fails in the same way, and is answered with the reason.
      return false;
    }
    if (this.#isClosed) {
      socket.destroy();
      return false;
    }
    this.#keepSpare(socket);
    return this.#protocol === "h2";
  }

  #keepSpare(socket: TLSSocket): void {
    const drop = (): void => {
      if (this.#spare === socket) this.#spare = undefined;
      socket.destroy();
    };
    this.#spare = socket;
    const timer = setTimeout(() => {
      if (this.#spare === socket) drop();
    }, keepAliveMs);
    timer.unref();
    socket.once("close", () => {
      clearTimeout(timer);
      if (this.#spare === socket) this.#spare = undefined;
    });
    socket.once("end", () => {
      if (this.#spare === socket) drop();
    });
    // Told by its close; whoever uses it listens for itself.
    socket.on("error", () => undefined);
  }

  #takeSpare(): TLSSocket | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare === undefined || spare.destroyed || spare.readableEnded ? undefined : spare;
  }

  async #connectTls(offersHttp2: boolean): Promise<TLSSocket> {
    const { dialer, identity } = this.#options;
    const socket = await dialer.connectTls(this.#target, identity, { session: this.#session, offersHttp2 });
    socket.on("session", (ticket: Buffer) => {
      this.#session = ticket;
    });
    if (offersHttp2) this.#protocol = socket.alpnProtocol === "h2" ? "h2" : "http/1.1";
    return socket;
  }

  async #dial(offersHttp2: boolean): Promise<Socket | TLSSocket> {
    const { dialer, identity } = this.#options;
    if (!this.#isSecure) return dialer.connect(this.#target, identity);
    const fits = offersHttp2 || this.#protocol === "http/1.1";
    return (fits ? this.#takeSpare() : undefined) ?? this.#connectTls(offersHttp2);
  }

  /** Most requests have no body that streams: they take the short way. The others, and those that become connections of their own, take undici's. */
  #createHttp1(): Upstream {
    const { limits } = this.#options;
    const shared = new Http1Pool({
      connections: limits.upstreamConnections,
      headerBytes: limits.headerBytes,
      answerHeadMs: limits.responseHeadMs,
      keepMs: keepAliveMs,
      dial: async () => this.#dial(false),
    });
    let streaming: Pool | undefined;
    const pool: RequestPool = {
      dispatch: (request, handler) => {
        const { body, upgrade } = request;
        if (upgrade === null && (body === null || Buffer.isBuffer(body))) {
          shared.dispatch({ ...request, body }, handler);
          return;
        }
        streaming ??= this.#create(false);
        streaming.dispatch(request, handler);
      },
      close: () => {
        shared.close();
        void streaming?.close();
      },
      destroy: (reason) => {
        shared.destroy(reason);
        void streaming?.destroy(reason);
      },
    };
    return { pool, host: this.#host };
  }

  #create(offersHttp2: boolean): Pool {
    const { limits } = this.#options;
    const dial = async (done: buildConnector.Callback): Promise<void> => {
      let socket: Socket | TLSSocket;
      try {
        socket = await this.#dial(offersHttp2);
      } catch (error) {
        done(error as Error, null);
        return;
      }
      const isHttp2 = "alpnProtocol" in socket && socket.alpnProtocol === "h2";
      done(null, isHttp2 ? socket : withoutContinue(socket, limits.headerBytes));
    };
    return new Pool(`${this.#isSecure ? "https" : "http"}://${this.#host}`, {
      connect: (_options, done) => {
        void dial(done);
      },
      allowH2: offersHttp2,
      pipelining: 1,
      connections: offersHttp2 ? http2Connections : limits.upstreamConnections,
      headersTimeout: limits.responseHeadMs,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: 60_000,
      maxHeaderSize: limits.headerBytes,
      ...(offersHttp2 ? { h2Options } : {}),
    });
  }
}

const h2Options = {
  connectionWindowSize: connectionWindowBytes,
  maxConcurrentStreams: streamsPerConnection,
  settings: { initialWindowSize: streamWindowBytes },
};

async function withinTime(probe: Promise<boolean>): Promise<boolean> {
  return new Promise((fulfil, fail) => {
    const timer = setTimeout(() => fulfil(false), probeMs);
    probe.then(fulfil, fail).finally(() => clearTimeout(timer));
  });
}
