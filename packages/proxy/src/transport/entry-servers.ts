import { once } from "node:events";
import { chmod, lstat, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { DaemonError, SessionError } from "@clauderon/core/contract";
import { describePortHolder, findPortHolder } from "@clauderon/core/host";

import { createEntry, type EntryKind } from "./create-entry.ts";
import type { Interceptor } from "./intercept.ts";
import type { ProxySession, ProxySessions } from "./sessions.ts";
import type { TransportContext } from "./transport-context.ts";

export interface EntryServersOptions {
  readonly context: TransportContext;
  readonly sessions: ProxySessions;
  readonly interceptor: Interceptor;
  readonly anonymous: ProxySession;
}

const loopback = "127.0.0.1";
const privateMode = 0o600;

/** The places where clients come in: ports, socket files, carriers. One code serves them all. */
export class EntryServers {
  readonly #options: EntryServersOptions;
  readonly #shared: Server[] = [];
  /** By session; one that was never listening serves what carriers bring. */
  readonly #ofSession = new Map<string, Server>();

  constructor(options: EntryServersOptions) {
    this.#options = options;
  }

  /** The TCP ports that are listened on. */
  ports(): readonly number[] {
    return this.#shared.flatMap((server) => {
      const address = server.address();
      return typeof address === "object" && address !== null ? [address.port] : [];
    });
  }

  async listenOnLoopback(port: number): Promise<number> {
    const server = this.#create({ kind: "token" });
    server.listen(port, loopback);
    await started(server, `port ${port}`, async () => takenBy(port));
    this.#shared.push(server);
    return (server.address() as AddressInfo).port;
  }

  async listenForDaemon(path: string): Promise<void> {
    const server = this.#create({ kind: "open", anonymous: this.#options.anonymous });
    await listenOnFile(server, path);
    this.#shared.push(server);
  }

  async listenForSession(sessionId: string, path: string): Promise<void> {
    this.#known(sessionId);
    const server = this.#createForSession(sessionId);
    await listenOnFile(server, path);
    await this.closeSession(sessionId);
    this.#ofSession.set(sessionId, server);
  }

  accept(connection: Duplex, sessionId: string): void {
    this.#known(sessionId);
    // The server would wait for a close that has been.
    if (connection.destroyed) return;
    let server = this.#ofSession.get(sessionId);
    if (server === undefined) {
      server = this.#createForSession(sessionId);
      // The watch over slow heads starts with this event; this server has no place of its own to listen on.
      server.emit("listening");
      this.#ofSession.set(sessionId, server);
    }
    server.emit("connection", connection);
  }

  async closeSession(sessionId: string): Promise<void> {
    const server = this.#ofSession.get(sessionId);
    this.#ofSession.delete(sessionId);
    if (server !== undefined) await closed(server);
  }

  async close(): Promise<void> {
    const servers = [...this.#shared, ...this.#ofSession.values()];
    this.#shared.length = 0;
    this.#ofSession.clear();
    await Promise.all(servers.map(closed));
  }

  #known(sessionId: string): void {
    if (this.#options.sessions.get(sessionId) !== undefined) return;
    throw new SessionError({
      code: "session.not-found",
      message: `The proxy knows no session ${sessionId}`,
      fix: ["add its identity first"],
    });
  }

  #createForSession(sessionId: string): Server {
    return this.#create({ kind: "session", session: () => this.#options.sessions.get(sessionId) });
  }

  #create(entry: EntryKind): Server {
    const { context, sessions, interceptor } = this.#options;
    return createEntry({ context, sessions, interceptor, entry });
  }
}

async function started(server: Server, place: string, taken = takenFile): Promise<void> {
  try {
    await once(server, "listening");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isTaken = code === "EADDRINUSE";
    throw new DaemonError({
      code: isTaken ? "daemon.port-taken" : "daemon.unreachable",
      message: `The proxy cannot listen on ${place}`,
      ...(isTaken ? await taken() : { why: message, fix: ["choose another place for the proxy"] }),
      cause: error,
    });
  }
}

/** Why a place is taken, and what helps. */
interface Taken {
  readonly why: string;
  readonly fix: readonly [string, ...string[]];
}

async function takenBy(port: number): Promise<Taken> {
  const holder = await findPortHolder(port);
  const isPassing = holder?.isListening === false;
  const end = holder?.processId === undefined ? "end that program" : `end that program: kill ${holder.processId}`;
  return {
    why: describePortHolder(holder),
    fix: [isPassing ? "try again when that connection has ended" : end, "or choose another port for the proxy"],
  };
}

async function takenFile(): Promise<Taken> {
  return { why: "another program uses it", fix: ["end that program, or choose another place for the proxy"] };
}

/** A file that a killed proxy left behind is replaced, one that somebody answers on is not. */
async function listenOnFile(server: Server, path: string): Promise<void> {
  const status = await lstat(path).catch(() => undefined);
  if (status?.isSocket() === true && !(await isAnswered(path))) await rm(path, { force: true });
  server.listen(path);
  await started(server, path);
  await chmod(path, privateMode);
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    // Refused: nobody listens.
    return false;
  } finally {
    socket.destroy();
  }
}

async function closed(server: Server): Promise<void> {
  const isListening = server.listening;
  const end = isListening ? once(server, "close") : undefined;
  server.close();
  server.closeAllConnections();
  await end;
}
