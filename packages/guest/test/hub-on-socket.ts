import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { Duplex, Transform } from "node:stream";

import { createCarrierHub, type CarrierHub, type CarrierHubSettings } from "@clauderon/proxy";

export const sessionId = "s1";

/** The proxy's end of channels behind a socket in a directory, as a backend mounts it; carriers can be cut at any byte. */
export interface HubOnSocket extends AsyncDisposable {
  readonly path: string;
  readonly hub: CarrierHub;
  /** Carriers that came. */
  readonly carriers: Socket[];
  /** Each next carrier dies after so many bytes in both directions together; none left: they live. */
  readonly cuts: number[];
  close(): void;
}

export async function hubOnSocket(
  directory: string,
  accept: CarrierHubSettings["accept"],
  settings: Partial<CarrierHubSettings> = {},
): Promise<HubOnSocket> {
  const hub = createCarrierHub({ accept, ...settings });
  const path = join(directory, "proxy.sock");
  const carriers: Socket[] = [];
  const cuts: number[] = [];
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    carriers.push(socket);
    hub.acceptCarrier(cutting(socket, cuts.shift()), sessionId).catch(() => undefined);
  });
  server.listen(path);
  await once(server, "listening");
  return {
    path,
    hub,
    carriers,
    cuts,
    close() {
      server.close();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await hub.close();
      for (const carrier of carriers) carrier.destroy();
    },
  };
}

/** The socket itself, or one that dies after so many bytes; the first part of what is cut comes through. */
function cutting(socket: Socket, bytes: number | undefined): Duplex {
  if (bytes === undefined) return socket;
  let left = bytes;
  const limited = (): Transform =>
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        const part = chunk.subarray(0, left);
        left -= part.length;
        this.push(part);
        done();
        if (left === 0) setImmediate(() => socket.destroy());
      },
    });
  const incoming = socket.pipe(limited());
  const outgoing = limited();
  outgoing.pipe(socket);
  const both = Duplex.from({ readable: incoming, writable: outgoing });
  both.on("error", () => undefined);
  socket.once("close", () => both.destroy());
  return both;
}
