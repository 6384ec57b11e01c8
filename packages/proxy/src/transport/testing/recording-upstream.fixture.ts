import { once } from "node:events";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

import { systemClock } from "@clauderon/core/host";

import { createAuthority, type Authority } from "../../certificates/authority.ts";
import { SecureContexts } from "../../certificates/secure-contexts.ts";

/** The certificate authority of everything that plays an upstream in a test. */
export const upstreamAuthority: Authority = createAuthority(new Date());
const contexts = new SecureContexts(upstreamAuthority, { clock: systemClock });

/** One connection as the upstream saw it. */
export interface RecordedConnection {
  readonly socket: Socket;
  /** Everything that came, as Latin-1. */
  text: string;
  isClosed: boolean;
}

export type Respond = (connection: RecordedConnection, chunk: Buffer) => unknown;

/** A server that records every byte it gets, below HTTP, so that nothing a parser would tidy up is lost. */
export interface RecordingUpstream extends AsyncDisposable {
  readonly port: number;
  readonly connections: readonly RecordedConnection[];
  /** All bytes of all connections. */
  readonly text: string;
  /** How it answers from now on. */
  respond: Respond;
  clear(): void;
  /** Resolves when the condition holds; looked at whenever something comes or closes. */
  until(condition: () => boolean): Promise<void>;
}

export function answer(body: string, headers: readonly string[] = []): string {
  const lines = ["HTTP/1.1 200 OK", `content-length: ${Buffer.byteLength(body)}`, ...headers, "", body];
  return lines.join("\r\n");
}

/** Answers every request without a body that ends in an empty line; enough for requests that come one at a time. */
export const answerOk: Respond = (connection) => {
  if (connection.text.endsWith("\r\n\r\n")) connection.socket.write(answer("ok"));
};

/** Starts one on a loopback port; `name` is what its certificate says. */
export async function startRecordingUpstream(
  options: {
    readonly name?: string;
    readonly isPlain?: boolean;
    /** Goes on sending after the client has ended. */
    readonly isHalfOpen?: boolean;
    readonly respond?: Respond;
  } = {},
): Promise<RecordingUpstream> {
  const connections: RecordedConnection[] = [];
  /** Also those whose handshake has not ended. */
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const look of waiting) look();
  };
  let respond = options.respond ?? answerOk;
  const serve = (socket: Socket): void => {
    const connection: RecordedConnection = { socket, text: "", isClosed: false };
    connections.push(connection);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      connection.text += chunk.toString("latin1");
      respond(connection, chunk);
      changed();
    });
    socket.on("close", () => {
      connection.isClosed = true;
      changed();
    });
    changed();
  };
  const server: Server =
    options.isPlain === true
      ? createTcpServer({ allowHalfOpen: options.isHalfOpen === true }, serve)
      : createTlsServer(
          {
            ALPNProtocols: ["http/1.1"],
            SNICallback: (asked, done) => done(null, contexts.get(options.name ?? asked)),
          },
          serve,
        );
  server.on("tlsClientError", () => undefined);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    get text(): string {
      return connections.map(({ text }) => text).join("");
    },
    get respond(): Respond {
      return respond;
    },
    set respond(next: Respond) {
      respond = next;
    },
    clear(): void {
      // Pooled connections live on; their records are emptied, never dropped.
      for (const connection of connections) connection.text = "";
    },
    async until(condition: () => boolean): Promise<void> {
      if (condition()) return;
      await new Promise<void>((fulfil) => {
        const look = (): void => {
          if (!condition()) return;
          waiting.delete(look);
          fulfil();
        };
        waiting.add(look);
      });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = once(server, "close");
      server.close();
      for (const { socket } of connections) socket.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
