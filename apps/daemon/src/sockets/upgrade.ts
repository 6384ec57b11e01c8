import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { RequestError } from "@clauderon/core/contract";
import { EXEC_PROTOCOL, STREAM_PROTOCOL, toProblem, TTY_PROTOCOL, ttyClose } from "@clauderon/core/wire";
import { WebSocketServer, type WebSocket } from "ws";

import type { HttpContext } from "../http-context.ts";
import { noRoute } from "../problem-response.ts";
import { admit, type AdmissionPolicy } from "../security/admission.ts";
import { writeRefusal } from "../security/write-refusal.ts";
import { serveEvents } from "./events-socket.ts";
import { serveExec } from "./exec-socket.ts";
import { closeSocket, describeFailure, type SocketHandler } from "./frame-socket.ts";
import { serveOutput } from "./output-socket.ts";
import { serveTty } from "./tty-socket.ts";

interface SocketRoute {
  readonly pattern: RegExp;
  /** Absent: none may be asked for. */
  readonly protocol?: string;
  readonly serve: SocketHandler;
}

const routes: readonly SocketRoute[] = [
  { pattern: /^\/api\/sessions\/([^/]+)\/tty$/, protocol: TTY_PROTOCOL, serve: serveTty },
  { pattern: /^\/api\/sessions\/([^/]+)\/exec$/, protocol: EXEC_PROTOCOL, serve: serveExec },
  { pattern: /^\/api\/sessions\/([^/]+)\/output$/, protocol: STREAM_PROTOCOL, serve: serveOutput },
  { pattern: /^\/api\/events()$/, serve: serveEvents },
];

/** A message may be as large as a request's body. */
const MESSAGE_BYTES = 8 * 1024 * 1024;
const CONNECTIONS = 1000;

export interface Upgrader {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Ends every connection with 1012 (connect again). */
  close(): void;
}

/** Takes upgrades that pass the same check as requests; each other one gets an answer, and its socket is freed. */
export function createUpgrader(context: HttpContext, policy: () => AdmissionPolicy): Upgrader {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES,
    perMessageDeflate: false,
    // Called when the client offers some: the route's own was found among them before.
    handleProtocols: (offered) => [...offered].find((name) => routes.some((route) => route.protocol === name)) ?? false,
  });

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const method = request.method ?? "";
    const target = request.url ?? "";
    const admission = admit({ method, target, rawHeaders: request.rawHeaders }, policy());
    if (!admission.isAdmitted) return writeRefusal(socket, admission);
    if (request.headers.upgrade?.toLowerCase() !== "websocket" || method !== "GET") {
      return writeRefusal(socket, { status: 400, error: refused("Only upgrades to websocket are known") });
    }
    const url = URL.parse(target, "http://localhost");
    const found = url === null ? undefined : findRoute(url.pathname);
    if (url === null || found === undefined)
      return writeRefusal(socket, { status: 404, error: noRoute(method, target) });
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    if (found.route.protocol !== undefined && !offered.includes(found.route.protocol)) {
      const error = refused(`The subprotocol ${found.route.protocol} must be asked for`);
      return writeRefusal(socket, { status: 400, error });
    }
    if (server.clients.size >= CONNECTIONS) {
      return writeRefusal(socket, { status: 503, error: refused(`There are ${CONNECTIONS} connections already`) });
    }
    return server.handleUpgrade(request, socket, head, (connection) => {
      connection.on("error", (error) => context.logger.debug({ error }, "a WebSocket failed"));
      const { reference, route } = found;
      serve(route, { socket: connection, context, reference, query: url.searchParams }).catch((error: unknown) => {
        context.logger.error({ error }, "a WebSocket could not be closed");
      });
    });
  }

  async function serve(route: SocketRoute, request: Parameters<SocketHandler>[0]): Promise<void> {
    try {
      await route.serve(request);
    } catch (error) {
      closeSocket(request.socket, closeCodeOf(error), describeFailure(error));
    }
  }

  return {
    upgrade,
    close() {
      for (const connection of server.clients) endConnection(connection);
    },
  };
}

function findRoute(pathname: string): { readonly route: SocketRoute; readonly reference: string } | undefined {
  for (const route of routes) {
    const reference = route.pattern.exec(pathname)?.[1];
    if (reference !== undefined) return { route, reference };
  }
  return undefined;
}

const GOODBYE_MS = 500;

function endConnection(connection: WebSocket): void {
  closeSocket(connection, ttyClose.restart, "the daemon ends");
  setTimeout(() => connection.terminate(), GOODBYE_MS).unref();
}

function closeCodeOf(error: unknown): number {
  const { status } = toProblem(error);
  if (status === 404) return ttyClose.gone;
  return status < 500 ? ttyClose.malformed : 1011;
}

function refused(message: string): RequestError {
  return new RequestError({ message, fix: ["see docs/architecture/wire-protocol.md"] });
}
