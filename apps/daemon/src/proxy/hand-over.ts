import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { pipeline, type Duplex } from "node:stream";

import { ClauderonError, DaemonError, type Logger } from "@clauderon/core/contract";
import { PROBLEM_TYPE, toProblem } from "@clauderon/core/wire";

import { securityHeaders } from "../security/security-headers.ts";
import { writeRefusal } from "../security/write-refusal.ts";

export interface HandOverOptions {
  /** A connection to the proxy. */
  readonly open: () => Promise<Socket>;
  readonly logger: Logger;
}

/** Gives what is meant for a proxy to the proxy, unread: who asks and what may be reached is decided there. */
export interface HandOver {
  /** CONNECT, or an upgrade: the connection with all that follows. */
  connection(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  request(request: IncomingMessage, response: ServerResponse): void;
  /** Cuts what is open. */
  close(): void;
}

export function createHandOver({ open, logger }: HandOverOptions): HandOver {
  const sockets = new Set<Duplex>();
  const keep = <Kept extends Duplex>(socket: Kept): Kept => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    return socket;
  };

  async function connection(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    keep(socket);
    // The end of a client is told by its close.
    socket.on("error", () => socket.destroy());
    let proxy: Socket;
    try {
      proxy = keep(await open());
    } catch (error) {
      logger.warn({ error }, "a connection could not be handed to the proxy");
      writeRefusal(socket, { status: 503, error: unavailable(error) });
      return;
    }
    proxy.write(headOf(request), "latin1");
    if (head.length > 0) proxy.write(head);
    const cut = (error?: Error | null): void => {
      if (error === undefined || error === null) return;
      socket.destroy();
      proxy.destroy();
    };
    pipeline(socket, proxy, cut);
    pipeline(proxy, socket, cut);
    if (socket.destroyed) proxy.destroy();
  }

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let proxy: Socket;
    try {
      proxy = keep(await open());
    } catch (error) {
      logger.warn({ error }, "a request could not be handed to the proxy");
      answerProblem(response, error);
      return;
    }
    const outgoing = httpRequest({
      createConnection: () => proxy,
      method: request.method,
      path: request.url,
      headers: request.rawHeaders,
      setHost: false,
    });
    response.once("close", () => proxy.destroy());
    outgoing.on("error", (error) => {
      if (response.headersSent) response.destroy();
      else answerProblem(response, error);
    });
    outgoing.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders);
      pipeline(answer, response, () => undefined);
    });
    pipeline(request, outgoing, () => undefined);
  }

  return {
    connection: (request, socket, head) => void connection(request, socket, head),
    request: (request, response) => void forward(request, response),
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** As it came: every line in its place, repeated ones included. */
function headOf(request: IncomingMessage): string {
  const lines = [`${request.method ?? ""} ${request.url ?? ""} HTTP/${request.httpVersion}`];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    lines.push(`${request.rawHeaders[index] ?? ""}: ${request.rawHeaders[index + 1] ?? ""}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function answerProblem(response: ServerResponse, error: unknown): void {
  const body = JSON.stringify(toProblem(unavailable(error), 503));
  response.writeHead(503, { ...securityHeaders, "Content-Type": PROBLEM_TYPE, Connection: "close" });
  response.end(`${body}\n`);
}

function unavailable(error: unknown): ClauderonError {
  if (ClauderonError.isInstance(error)) return error;
  return new DaemonError({
    message: "The proxy cannot be reached",
    why: error instanceof Error ? error.message : String(error),
    fix: ["try again: the daemon starts it anew"],
    cause: error,
  });
}
