import { once } from "node:events";
import { constants } from "node:fs";
import { chmod, open, readFile, rm, type FileHandle } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

import { DaemonError, type Logger } from "@clauderon/core/contract";
import { replaceFile } from "@clauderon/core/host";

import type { CarrierHub } from "../carrier/create-carrier-hub.ts";

/** In the directory that a session's sandbox has mounted. */
const socketName = "proxy.sock";
const bundleName = "proxy-ca.pem";
const bundleMode = 0o644;
/** Longest path that every system takes for a Unix socket (macOS: 104 with its end mark). */
const socketPathBytes = 100;
/** Whoever is in the sandbox may use it, whatever its user there; on this machine nobody else comes to the directory. */
const socketMode = 0o666;
/** The hub takes 16 channels of a session; each may be changing its carrier. */
const mostConnections = 64;

/** The sockets by which sandboxes come to the proxy. Each is one session's alone: whoever connects there is that session, and speaks the channel protocol at once. */
export class ChannelSockets {
  readonly #hub: Pick<CarrierHub, "acceptCarrier">;
  readonly #logger: Logger;
  readonly #servers = new Map<string, { readonly server: Server; readonly directory: string }>();

  constructor(hub: Pick<CarrierHub, "acceptCarrier">, logger: Logger) {
    this.#hub = hub;
    this.#logger = logger;
  }

  /** In place of the one before. The directory is the session's own and can be written to by no sandbox. */
  async listen(sessionId: string, directory: string): Promise<void> {
    this.close(sessionId);
    const server = createServer({ noDelay: true }, (socket) => void this.#serve(socket, sessionId));
    server.maxConnections = mostConnections;
    // Whatever comes after the beginning ends a connection, not the server.
    server.on("error", (error) =>
      this.#logger.warn({ sessionId, error: error.message }, "a socket of a channel failed"),
    );
    try {
      await listenIn(directory, server);
    } catch (cause) {
      throw new DaemonError({
        message: "The proxy cannot listen for a session's sandbox",
        why: `${join(directory, socketName)}: ${cause instanceof Error ? cause.message : String(cause)}`,
        fix: ["start the session again: clauderon start NAME"],
        cause,
      });
    }
    this.#servers.set(sessionId, { server, directory });
  }

  /** Each sandbox trusts what this bundle holds from here on. */
  async giveBundle(path: string): Promise<void> {
    for (const [sessionId, { directory }] of this.#servers) {
      const own = join(directory, bundleName);
      try {
        const content = await readFile(path, "utf8");
        if ((await readFile(own, "utf8").catch(() => "")) === content) continue;
        await replaceFile(own, content);
        // Whatever the mask of this process takes away.
        await chmod(own, bundleMode);
      } catch (error) {
        this.#logger.warn(
          { sessionId, error: (error as Error).message },
          "a sandbox does not get the new certificates",
        );
      }
    }
  }

  /** What was carried is ended by the hub. */
  close(sessionId: string): void {
    this.#servers.get(sessionId)?.server.close();
    this.#servers.delete(sessionId);
  }

  closeAll(): void {
    for (const sessionId of this.#servers.keys()) this.close(sessionId);
  }

  async #serve(socket: Socket, sessionId: string): Promise<void> {
    socket.on("error", () => socket.destroy());
    try {
      const { channel, isResumed } = await this.#hub.acceptCarrier(socket, sessionId);
      this.#logger.debug({ sessionId, channel, isResumed }, "a carrier was accepted");
    } catch {
      // The protocol told the other end why, and the hub its log.
      socket.destroy();
    }
  }
}

async function listenIn(directory: string, server: Server): Promise<void> {
  const path = join(directory, socketName);
  await rm(path, { force: true });
  const isShort = Buffer.byteLength(path) <= socketPathBytes || process.platform !== "linux";
  // A long way is gone once; its end is a short name. The server removes its socket by that name when it closes.
  const place = isShort ? undefined : await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const closed = (handle: FileHandle): void => void handle.close().catch(() => undefined);
  if (place !== undefined) server.once("close", () => closed(place));
  try {
    server.listen(place === undefined ? path : `/proc/self/fd/${place.fd}/${socketName}`);
    await once(server, "listening");
    await chmod(path, socketMode);
  } catch (error) {
    if (!server.listening && place !== undefined) closed(place);
    server.close();
    throw error;
  }
}
