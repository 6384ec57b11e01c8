import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { DaemonError, RequestError } from "@clauderon/core/contract";
import { PROBLEM_TYPE, toProblem } from "@clauderon/core/wire";
import { getRequestListener } from "@hono/node-server";

import { createApp } from "./create-app.ts";
import type { HttpContext } from "./http-context.ts";
import { findPortOwner, type PortOwner } from "./instance/port-owner.ts";
import type { HandOver } from "./proxy/hand-over.ts";
import { admit, isProxyTarget, type AdmissionPolicy } from "./security/admission.ts";
import { securityHeaders } from "./security/security-headers.ts";
import { writeRefusal } from "./security/write-refusal.ts";
import { createUpgrader } from "./sockets/upgrade.ts";

/** The listening daemon. */
export interface Serving {
  readonly port: number;
  /** Stops accepting, ends connections; resolves when none is left. Idempotent. */
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly context: HttpContext;
  readonly token: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Takes what is meant for a proxy. Absent = it is refused. */
  readonly handOver?: HandOver | undefined;
}

const HEADERS_MS = 10_000;
const REQUEST_MS = 120_000;
const CHECK_MS = 2_000;
const GOODBYE_MS = 1_000;
const ANY_PORT_ATTEMPTS = 10;

/** Listens on 127.0.0.1 and, where the machine has it, ::1; nowhere else. Rejects with `daemon.port-taken`, saying by whom. */
export async function serve(options: ServeOptions): Promise<Serving> {
  let policy: AdmissionPolicy = { port: options.port, token: options.token };
  const upgrader = createUpgrader(options.context, () => policy);
  const answer = getRequestListener(createApp(options.context).fetch, { overrideGlobalObjects: false });

  const { handOver } = options;

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    if (handOver !== undefined && isProxyTarget(request.url ?? "")) return handOver.request(request, response);
    const head = { method: request.method ?? "", target: request.url ?? "", rawHeaders: request.rawHeaders };
    const admission = admit(head, policy);
    if (admission.isAdmitted) {
      answer(request, response).catch((error: unknown) => {
        options.context.logger.error({ error }, "an answer could not be written");
        response.destroy();
      });
      return;
    }
    const body = JSON.stringify(toProblem(admission.error, admission.status));
    response.writeHead(admission.status, { ...securityHeaders, "Content-Type": PROBLEM_TYPE, Connection: "close" });
    response.end(`${body}\n`);
  };
  const newServer = (): Server => {
    const server = createServer({ connectionsCheckingInterval: CHECK_MS, requestTimeout: REQUEST_MS }, listener);
    server.headersTimeout = HEADERS_MS;
    server.on("upgrade", (request, socket, head) => {
      if (handOver !== undefined && isProxyTarget(request.url ?? "")) handOver.connection(request, socket, head);
      else upgrader.upgrade(request, socket, head);
    });
    server.on("connect", (request: IncomingMessage, socket: Duplex, connectHead: Buffer) => {
      if (handOver !== undefined) return handOver.connection(request, socket, connectHead);
      const refusal = admit({ method: "CONNECT", target: request.url ?? "", rawHeaders: [] }, policy);
      if (!refusal.isAdmitted) writeRefusal(socket, refusal);
    });
    server.on("clientError", (error, socket) => {
      if (socket.writable) writeRefusal(socket, { status: 400, error: malformed(error) });
      else socket.destroy();
    });
    return server;
  };

  const servers = await listenOnLoopback(newServer, options.port);
  const port = portOf(servers[0]);
  policy = { port, token: options.token };

  let closing: Promise<void> | undefined;
  return {
    port,
    close() {
      closing ??= closeAll(servers, () => {
        upgrader.close();
        handOver?.close();
      });
      return closing;
    },
  };
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  if (typeof address === "object" && address !== null) return address.port;
  throw new TypeError("the server does not listen");
}

async function listenOnLoopback(newServer: () => Server, port: number): Promise<readonly Server[]> {
  for (let attempt = 1; ; attempt += 1) {
    const first = newServer();
    await listen(first, { host: "127.0.0.1", port });
    const second = newServer();
    try {
      await listen(second, { host: "::1", port: portOf(first) });
      return [first, second];
    } catch (error) {
      // A machine without IPv6 has no ::1 to listen on.
      if (!DaemonError.isInstance(error)) return [first];
      first.close();
      if (port !== 0 || attempt === ANY_PORT_ATTEMPTS) throw error;
    }
  }
}

/** Rejects with `daemon.port-taken`, or with the system's error when the address does not exist here. */
async function listen(server: Server, address: { readonly host: string; readonly port: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ ...address, ipv6Only: true, exclusive: true }, resolve);
  try {
    await promise;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE" || code === "EACCES") throw await portTaken(address.port, code, error);
    throw error;
  } finally {
    server.off("error", reject);
  }
}

async function portTaken(port: number, code: string, cause: unknown): Promise<DaemonError> {
  const owner = code === "EACCES" ? undefined : await findPortOwner(port);
  return new DaemonError({
    code: "daemon.port-taken",
    message: `Port ${port} of this machine cannot be used`,
    why: owner === undefined ? "this user may not listen there" : owner.text,
    fix: [
      "use any free port: CLAUDERON_PORT=0 clauderon daemon start",
      "or choose one: clauderon config set daemon.port PORT",
      ...endFix(owner),
    ],
    context: { port, pid: owner?.pid, program: owner?.program },
    cause,
  });
}

function endFix(owner: PortOwner | undefined): readonly string[] {
  if (owner?.isListening === false) return ["or try again when that connection has ended"];
  return owner?.pid === undefined ? [] : [`or end the other program: kill ${owner.pid}`];
}

async function closeAll(servers: readonly Server[], closeSockets: () => void): Promise<void> {
  closeSockets();
  const closed = servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve())));
  for (const server of servers) server.closeIdleConnections();
  const timer = setTimeout(() => {
    for (const server of servers) server.closeAllConnections();
  }, GOODBYE_MS);
  await Promise.all(closed);
  clearTimeout(timer);
}

function malformed(error: Error): RequestError {
  return new RequestError({
    message: "The request is no HTTP/1.1 request",
    why: error.message,
    fix: ["send a well-formed request"],
    cause: error,
  });
}
