import { createServer, ServerResponse, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { parseConnectTarget } from "../policy/canonical-target.ts";
import type { ProxyTarget, Refusal } from "../policy/proxy-types.ts";
import { isRefusal, refuse } from "../policy/refusal.ts";
import { AuditTrail, auditRefusal } from "./audit-trail.ts";
import { answerClientError, createServerOptions } from "./client-errors.ts";
import { DialError } from "./dial.ts";
import { handleRequest } from "./handle-request.ts";
import type { Interceptor } from "./intercept.ts";
import type { IncomingExchange } from "./prepare-request.ts";
import { answerRefusal, endWithRefusal } from "./problem-body.ts";
import { readRequestHead, valuesOf } from "./request-head.ts";
import type { ProxySession, ProxySessions } from "./sessions.ts";
import type { TransportContext } from "./transport-context.ts";
import { canRelayTo, joinSockets } from "./tunnel.ts";

/**
 * How a connection says who it belongs to: `token` = by `Proxy-Authorization`; `session` = by the place it came in (a socket file, a carrier); `open` = by token where
 * there is one, else anonymous (what the daemon hands over).
 */
export type EntryKind =
  | { readonly kind: "token" }
  | { readonly kind: "session"; readonly session: () => ProxySession | undefined }
  | { readonly kind: "open"; readonly anonymous: ProxySession };

export interface EntryOptions {
  readonly context: TransportContext;
  readonly sessions: ProxySessions;
  readonly interceptor: Interceptor;
  readonly entry: EntryKind;
}

const minuteMs = 60_000;
const established = "HTTP/1.1 200 Connection Established\r\n\r\n";

const noIdentity: Refusal = refuse(407, "identity-missing", {
  message: "The proxy does not know which session asks",
  fix: "use the proxy's URL with its user and password, as HTTPS_PROXY of the session gives it",
});
const wrongIdentity: Refusal = refuse(407, "identity-unknown", {
  message: "The proxy knows no session with this user and password",
  fix: "take HTTPS_PROXY from a running session; the token ends with its session",
});
const tooManyWrong: Refusal = refuse(429, "identity-too-often-wrong", {
  message: "Too many wrong tokens were sent to the proxy",
  fix: "wait a minute; right tokens are always taken",
});

/** An entry of the proxy: an HTTP server that takes CONNECT and absolute-form requests, and nothing else. */
export function createEntry(options: EntryOptions): Server {
  const server = createServer(createServerOptions(options.context.limits));
  const entry = new Entry(options);
  server.keepAliveTimeout = options.context.limits.idleConnectionMs;
  server.on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    entry.connect(request, socket, head);
  });
  server.on("request", (request, response) => entry.handle({ request, response, body: request }));
  server.on("checkContinue", (request, response) =>
    entry.handle({ request, response, body: request, expectsContinue: true }),
  );
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    // The server has let go of the socket: the end of a client is told by its close.
    socket.on("error", () => undefined);
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    entry.handle({ request, response, body: request, upgrade: { socket, head, response } });
  });
  server.on("clientError", (error: Error, socket: Duplex) => answerClientError(options.context, socket, { error }));
  return server;
}

class Entry {
  readonly #options: EntryOptions;
  #wrongTokens = 0;
  #wrongSinceMs = 0;

  constructor(options: EntryOptions) {
    this.#options = options;
  }

  handle(incoming: Omit<IncomingExchange, "session" | "tunnel"> & { readonly request: IncomingMessage }): void {
    const { context } = this.#options;
    const session = this.#identify(incoming.request);
    const refusal = isRefusal(session) ? session : this.#plainRefusal(session);
    if (isRefusal(session) || refusal !== undefined) {
      const told = refusal ?? noIdentity;
      const about = { kind: "request", method: incoming.request.method ?? "" } as const;
      const isWritten = new AuditTrail(context, about).write({ decision: "blocked", refusal: told });
      answerRefusal(incoming.response, isWritten ? told : auditRefusal, { isFatal: true });
      incoming.upgrade?.socket.end();
      return;
    }
    const { socket } = incoming.request;
    if (!session.connections.has(socket)) {
      session.connections.set(socket, undefined);
      socket.once("close", () => session.connections.delete(socket));
    }
    handleRequest(context, { ...incoming, session }).catch((error: unknown) => {
      context.logger.error({ error: (error as Error).stack }, "a request failed inside the proxy");
      socket.destroy();
    });
  }

  connect(request: IncomingMessage, socket: Socket, head: Buffer): void {
    // The end of a client is told by its close.
    socket.on("error", () => undefined);
    const { context } = this.#options;
    const session = this.#identify(request);
    const known = isRefusal(session) ? undefined : session;
    const trail = new AuditTrail(context, { kind: "connect", method: "CONNECT", session: known });
    const facts = readRequestHead(request, context.limits);
    const target = isRefusal(facts) ? facts : parseConnectTarget(request.url ?? "");
    if (isRefusal(session)) {
      // The first request of git carries no identity; it is an invitation to answer with the challenge.
      if (session === noIdentity) endWithRefusal(socket, session);
      else refuseConnect(socket, trail, { refusal: session });
    } else if (isRefusal(target)) refuseConnect(socket, trail, { refusal: target });
    else this.#open({ socket, head, session, target, trail });
  }

  #open(opening: Opening): void {
    const { socket, head, session, target, trail } = opening;
    const { context, interceptor } = this.#options;
    const verdict = context.engine().decideConnect(session.isAnonymous ? undefined : session.identity, target);
    if (verdict.kind === "refuse") {
      refuseConnect(socket, trail, { refusal: verdict.refusal, target });
      return;
    }
    if (session.tunnelCount >= context.limits.tunnelsPerSession) {
      const message = `The session has ${context.limits.tunnelsPerSession} connections open`;
      refuseConnect(socket, trail, {
        refusal: refuse(429, "too-many-tunnels", { message, fix: "close some of them" }),
        target,
      });
      return;
    }
    if (!trail.write({ decision: "allowed", target, ruleId: verdict.ruleId }) || !context.records.flush()) {
      endWithRefusal(socket, auditRefusal, { target });
      return;
    }
    session.tunnelCount += 1;
    socket.once("close", () => {
      session.tunnelCount -= 1;
    });
    if (verdict.kind === "intercept") {
      socket.write(established);
      // What came with the CONNECT is the beginning of the ClientHello.
      if (head.length > 0) socket.unshift(head);
      interceptor.accept(socket, session, target);
      return;
    }
    void this.#tunnel(opening, verdict.ruleId);
  }

  async #tunnel({ socket, head, session, target, trail }: Opening, ruleId: string | undefined): Promise<void> {
    const { context } = this.#options;
    const asker = session.isAnonymous ? undefined : session.identity;
    session.connections.set(
      socket,
      () =>
        context.engine().decideConnect(session.isAnonymous ? undefined : session.identity, target).kind === "tunnel",
    );
    socket.once("close", () => session.connections.delete(socket));
    let upstream: Socket;
    try {
      upstream = await context.dialer.connect(target, asker, { isRelayed: canRelayTo(socket) });
    } catch (error) {
      const known = error instanceof DialError ? error.refusal : undefined;
      if (known === undefined) context.logger.error({ error: (error as Error).stack }, "a tunnel failed");
      const decision = known?.status === 403 ? "blocked" : "failed";
      refuseConnect(socket, trail, { refusal: known ?? unknownFailure, target, decision });
      return;
    }
    if (socket.destroyed || session.isRemoved) {
      upstream.destroy();
      socket.destroy();
      return;
    }
    socket.write(established);
    if (head.length > 0) upstream.write(head);
    const { idleTunnelMs: idleMs } = context.limits;
    joinSockets(socket, upstream, {
      idleMs,
      onClose: ({ up, down }) =>
        trail.write({ decision: "allowed", target, ruleId, bytesSent: up, bytesReceived: down, isEnd: true }),
    });
  }

  /** Requests outside a tunnel need to know who asks. */
  #plainRefusal(session: ProxySession): Refusal | undefined {
    return session.isAnonymous ? noIdentity : undefined;
  }

  #identify(request: IncomingMessage): ProxySession | Refusal {
    const { entry, sessions, context } = this.#options;
    if (entry.kind === "session") return entry.session() ?? wrongIdentity;
    const head = readRequestHead(request, context.limits);
    if (isRefusal(head)) return head;
    const values = valuesOf(head, "proxy-authorization");
    const [value] = values;
    if (value === undefined) return entry.kind === "open" ? entry.anonymous : noIdentity;
    const session = values.length === 1 ? sessions.authenticate(value) : undefined;
    if (session !== undefined) return session;
    return this.#isTooOften() ? tooManyWrong : wrongIdentity;
  }

  #isTooOften(): boolean {
    const { clock, limits } = this.#options.context;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#wrongSinceMs > minuteMs) {
      this.#wrongSinceMs = nowMs;
      this.#wrongTokens = 0;
    }
    this.#wrongTokens += 1;
    return this.#wrongTokens > limits.wrongTokensPerMinute;
  }
}

interface Opening {
  readonly socket: Socket;
  readonly head: Buffer;
  readonly session: ProxySession;
  readonly target: ProxyTarget;
  readonly trail: AuditTrail;
}

function refuseConnect(
  socket: Socket,
  trail: AuditTrail,
  about: {
    readonly refusal: Refusal;
    readonly target?: ProxyTarget | undefined;
    readonly decision?: "blocked" | "failed";
  },
): void {
  const { refusal, target, decision = "blocked" } = about;
  const isWritten = trail.write({ decision, target, refusal });
  endWithRefusal(socket, isWritten ? refusal : auditRefusal, { target });
}

const unknownFailure: Refusal = refuse(502, "upstream-failed", {
  message: "The connection to the upstream failed",
  fix: "see the proxy's log",
});
