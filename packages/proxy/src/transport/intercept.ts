import { createServer, ServerResponse, type IncomingMessage, type Server } from "node:http";
import { isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket, type TLSSocketOptions } from "node:tls";

import { canonicalHost } from "../policy/canonical-host.ts";
import type { ProxyTarget, Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import { asksForHttp2 } from "./asks-for-http2.ts";
import { answerClientError, createServerOptions } from "./client-errors.ts";
import { handleRequest } from "./handle-request.ts";
import { Http1Client } from "./http1-client.ts";
import type { IncomingExchange } from "./prepare-request.ts";
import { endWithRefusal } from "./problem-body.ts";
import { serveHttp2 } from "./serve-http2.ts";
import type { ProxySession } from "./sessions.ts";
import type { TransportContext } from "./transport-context.ts";
import { carry } from "./tunnel.ts";

/** What may wait for a client before its upstream is asked to pause: pausing at each TLS record costs more than carrying it. */
const writeAheadBytes = 128 * 1024;

/** How often connections are looked at that wait for too long. */
const watchEveryMs = 2000;

/** Old clients offer 1.0 alone. */
const http1Protocols: readonly string[] = ["http/1.1", "http/1.0"];

interface Offer {
  readonly session: ProxySession;
  readonly target: ProxyTarget;
  readonly protocols: readonly string[];
}

interface Tunnel {
  readonly session: ProxySession;
  readonly target: ProxyTarget;
  /** Set when the client asked TLS for another name than CONNECT. */
  refusal: Refusal | undefined;
}

/** Speaks TLS in the target's name to clients, and answers what they ask inside. */
export class Interceptor {
  readonly #context: TransportContext;
  readonly #server: Server;
  readonly #tunnels = new WeakMap<Duplex, Tunnel>();
  readonly #clients = new Set<Http1Client>();
  readonly #watch: NodeJS.Timeout;

  constructor(context: TransportContext) {
    this.#context = context;
    const { headMs, idleConnectionMs, idleTunnelMs } = context.limits;
    this.#watch = setInterval(
      () => this.#watchClients(),
      Math.min(watchEveryMs, headMs, idleConnectionMs, idleTunnelMs),
    ).unref();
    const server = createServer(createServerOptions(context.limits));
    this.#server = server;
    server.keepAliveTimeout = context.limits.idleConnectionMs;
    server.timeout = context.limits.idleTunnelMs;
    server.on("request", (request, response) => this.#handle({ request, response, body: request }));
    server.on("checkContinue", (request, response) =>
      this.#handle({ request, response, body: request, expectsContinue: true }),
    );
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const response = new ServerResponse(request);
      response.assignSocket(socket);
      this.#handle({ request, response, body: request, upgrade: { socket, head, response } });
    });
    server.on("connect", (_request: IncomingMessage, socket: Duplex) => {
      endWithRefusal(
        socket,
        refuse(400, "nested-connect", {
          message: "A CONNECT inside a tunnel is not accepted",
          fix: "send the CONNECT to the proxy itself",
        }),
      );
    });
    server.on("clientError", (error: Error, socket: Duplex) => {
      const tunnel = this.#tunnels.get(socket);
      answerClientError(context, socket, { error, session: tunnel?.session, target: tunnel?.target });
    });
    // The limits on slow heads are watched from this event on; the server never listens by itself.
    server.emit("listening");
  }

  /** Takes a connection over on which the client's ClientHello comes next, or has come. */
  accept(socket: Duplex, session: ProxySession, target: ProxyTarget): void {
    this.#chooseProtocols(socket, session, target).then(
      (protocols) => {
        if (protocols === undefined) socket.destroy();
        else this.#speakTls(socket, { session, target, protocols });
      },
      (error: unknown) => {
        this.#context.logger.error({ error: (error as Error).stack }, "a connection failed inside the proxy");
        socket.destroy();
      },
    );
  }

  /** What to offer: HTTP/2 to a client that asks for it, where the upstream speaks it. `undefined` = the client has gone. */
  async #chooseProtocols(
    socket: Duplex,
    session: ProxySession,
    target: ProxyTarget,
  ): Promise<readonly string[] | undefined> {
    const timer = setTimeout(() => socket.destroy(), this.#context.limits.tlsHandshakeMs);
    const leave = (): void => {
      session.connections.delete(socket);
    };
    session.connections.set(socket, undefined);
    socket.once("close", leave);
    try {
      const isHttp2 = (await asksForHttp2(socket)) && (await session.pools.speaksHttp2({ ...target, scheme: "https" }));
      if (socket.destroyed || socket.readableEnded || session.isRemoved) return undefined;
      return isHttp2 ? ["h2", ...http1Protocols] : http1Protocols;
    } finally {
      clearTimeout(timer);
      socket.off("close", leave);
      leave();
    }
  }

  #speakTls(socket: Duplex, { session, target, protocols }: Offer): void {
    const { limits, logger } = this.#context;
    // `highWaterMark` is passed on to the socket, although the types of Node do not name it.
    const options: TLSSocketOptions & { readonly highWaterMark: number } = {
      isServer: true,
      highWaterMark: writeAheadBytes,
      secureContext: session.contexts.get(target.host),
      // Those that speak nothing but what is not offered are told so by TLS.
      ALPNProtocols: [...protocols],
    };
    const tls = new TLSSocket(socket, options);
    const giveUp = (): void => {
      tls.destroy();
    };
    const timer = setTimeout(giveUp, limits.tlsHandshakeMs);
    tls.once("end", giveUp);
    const tunnel: Tunnel = { session, target: { ...target, scheme: "https" }, refusal: undefined };
    this.#tunnels.set(tls, tunnel);
    carry(tls, socket);
    session.connections.set(tls, undefined);
    tls.once("close", () => {
      clearTimeout(timer);
      session.connections.delete(tls);
      socket.destroy();
    });
    tls.on("error", (error) => {
      logger.debug({ host: target.host, error: error.message }, "client's TLS connection failed");
    });
    tls.once("secure", () => {
      clearTimeout(timer);
      tls.off("end", giveUp);
      tunnel.refusal = nameRefusal(tls, target.host);
      if (tls.alpnProtocol === "h2") this.#serveHttp2(tls, tunnel);
      else this.#serveHttp1(tls, tunnel);
    });
  }

  /** Plain requests are read here; Node's server takes the connections on which anything else comes. */
  #serveHttp1(tls: TLSSocket, tunnel: Tunnel): void {
    const context = this.#context;
    const { session, target } = tunnel;
    const client = new Http1Client(tls, {
      limits: context.limits,
      session,
      tunnel,
      onRequest: (incoming) => {
        handleRequest(context, incoming).catch((error: unknown) => {
          context.logger.error({ error: (error as Error).stack }, "a request failed inside the proxy");
          tls.destroy();
        });
      },
      onOther: () => {
        this.#server.emit("connection", tls);
      },
      onSlow: () => {
        const error = Object.assign(new Error("no request came"), { code: "ERR_HTTP_REQUEST_TIMEOUT" });
        answerClientError(context, tls, { error, session, target });
      },
      onLeave: () => {
        this.#clients.delete(client);
      },
    });
    this.#clients.add(client);
  }

  #watchClients(): void {
    const nowMs = performance.now();
    for (const client of this.#clients) client.watch(nowMs);
  }

  close(): void {
    clearInterval(this.#watch);
    // Ends the watch over slow heads; there is no listening socket.
    this.#server.close();
  }

  #serveHttp2(tls: TLSSocket, tunnel: Tunnel): void {
    const { session } = tunnel;
    serveHttp2(tls, {
      limits: this.#context.limits,
      onRequest: (incoming) => {
        handleRequest(this.#context, { ...incoming, session, tunnel }).catch((error: unknown) => {
          this.#context.logger.error({ error: (error as Error).stack }, "a request failed inside the proxy");
          incoming.response.destroy();
        });
      },
    });
  }

  #handle(incoming: Omit<IncomingExchange, "session" | "tunnel"> & { readonly request: IncomingMessage }): void {
    const tunnel = this.#tunnels.get(incoming.request.socket);
    if (tunnel === undefined) {
      incoming.request.socket.destroy();
      return;
    }
    const exchange = { ...incoming, session: tunnel.session, tunnel };
    handleRequest(this.#context, exchange).catch((error: unknown) => {
      this.#context.logger.error({ error: (error as Error).stack }, "a request failed inside the proxy");
      incoming.request.socket.destroy();
    });
  }
}

/** The name asked for in TLS must be the one of CONNECT; an address has none. */
function nameRefusal(
  tls: TLSSocket & { readonly servername?: string | false | null },
  host: string,
): Refusal | undefined {
  const asked = tls.servername;
  const name = typeof asked === "string" ? asked : "";
  if (name === "" ? isIP(host) !== 0 : canonicalHost(name) === host) return undefined;
  return refuse(421, "server-name-mismatch", {
    message:
      name === ""
        ? "The TLS connection names no server (SNI), so it cannot be told whom it is for"
        : "The TLS connection names another server (SNI) than CONNECT",
    fix: "let the client use one host name for both",
  });
}
