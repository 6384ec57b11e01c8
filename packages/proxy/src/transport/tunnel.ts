import { Socket } from "node:net";
import type { Duplex, Transform } from "node:stream";
import { TLSSocket } from "node:tls";

import { relayOf, releaseRelay, type TakeBytes } from "./relay.ts";

export interface TunnelOptions {
  /** Both ends are closed when nothing moves for so long. */
  readonly idleMs: number;
  readonly onClose: (bytes: { readonly up: number; readonly down: number }) => void;
  /** What the upstream's bytes pass on their way to the client. */
  readonly through?: Transform | undefined;
}

const halfOpenMs = 2 * 60_000;

/**
 * Carries bytes both ways until both ends have ended. Each direction ends by itself (half-close); an end that breaks off breaks the other off, so that a cut stream
 * never looks complete.
 */
export function joinSockets(client: Duplex, upstream: Socket, { idleMs, onClose, through }: TunnelOptions): void {
  const startRead = upstream.bytesRead;
  const startWritten = upstream.bytesWritten;
  const follow = (from: Duplex, to: Duplex) => (): void => {
    if (to.destroyed) return;
    // A clean end has been passed on by pipe; what is left to write still goes out.
    if (from.readableEnded && from.errored === null) to.end();
    else breakOff(to);
  };
  upstream.setTimeout(idleMs, () => {
    breakOff(client);
    upstream.destroy();
  });
  // Nobody tells whether a side that ended still listens: what is left of the tunnel is not kept as long.
  const shorten = (): void => {
    upstream.setTimeout(Math.min(idleMs, halfOpenMs));
  };
  client.once("end", shorten);
  upstream.once("end", shorten);
  client.once("close", follow(client, upstream));
  upstream.once("close", () => {
    follow(upstream, client)();
    onClose({ up: upstream.bytesWritten - startWritten, down: upstream.bytesRead - startRead });
  });
  // The reason of a broken connection is told by its close; without a listener it would end the process.
  client.on("error", ignore);
  upstream.on("error", ignore);
  client.pipe(upstream);
  const relay = relayOf(upstream);
  if (relay !== undefined) {
    relay.take = takeFor(client, upstream);
    let open = 2;
    const onEndClosed = (): void => {
      open -= 1;
      if (open === 0) releaseRelay(relay);
    };
    client.once("close", onEndClosed);
    upstream.once("close", onEndClosed);
    // Its end is no chunk: it is passed on here.
    upstream.once("end", () => client.end());
    upstream.resume();
  } else if (through === undefined) upstream.pipe(client);
  else {
    through.once("error", () => {
      upstream.destroy();
      breakOff(client);
    });
    upstream.pipe(through).pipe(client);
  }
}

/** Whether bytes that are written to it are with the system, or known to wait, when the write returns: others may keep what they are given. */
export function canRelayTo(client: Duplex): boolean {
  return client instanceof Socket && !(client instanceof TLSSocket);
}

/** Writes at once; what the system does not take yet stays in the relay's memory, which is read into again when all of it is gone. */
function takeFor(client: Duplex, upstream: Socket): TakeBytes {
  let isWaiting = false;
  const onWritten = (): void => {
    if (!isWaiting || client.writableLength > 0) return;
    isWaiting = false;
    upstream.resume();
  };
  return (bytes) => {
    client.write(bytes, onWritten);
    isWaiting = client.writableLength > 0;
    return !isWaiting;
  };
}

function ignore(): void {
  // See joinSockets.
}

/** The connection below one that speaks TLS. */
const carriers = new WeakMap<Duplex, Duplex>();

/** Remembers what a TLS connection is carried by, so that it can be broken off. */
export function carry(tls: Duplex, carrier: Duplex): void {
  carriers.set(tls, carrier);
}

/** Ends a connection so that the peer sees an error, never a clean end: a reset where there is one, else TLS without its closing alert. */
export function breakOff(socket: Duplex): void {
  const carrier = carriers.get(socket) ?? socket;
  if (carrier instanceof Socket && !(carrier instanceof TLSSocket) && carrier.remoteFamily !== undefined)
    carrier.resetAndDestroy();
  else carrier.destroy();
  socket.destroy();
}
