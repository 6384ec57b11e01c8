import type { OnReadOpts, Socket } from "node:net";

/** Takes bytes that are only there until it returns, or until it says that they may be overwritten; false = not yet, and nothing more until `resume`. */
export type TakeBytes = (bytes: Uint8Array) => boolean;

/** How a socket is read into the same memory again and again, instead of into new memory for each 64 KiB. */
export interface Relay {
  readonly onread: OnReadOpts;
  take: TakeBytes | undefined;
}

/** So much is read at once where so much is there; memory that nothing was ever read into is not used. */
const relayBytes = 256 * 1024;

const relays = new WeakMap<Socket, Relay>();

/** What a socket is made with that will be relayed. It is to be paused until something takes its bytes. */
export function createRelay(): Relay {
  const relay: Relay = {
    take: undefined,
    onread: {
      buffer: Buffer.allocUnsafeSlow(relayBytes),
      callback: (count, bytes) => relay.take?.(bytes.subarray(0, count)) ?? false,
    },
  };
  return relay;
}

export function rememberRelay(socket: Socket, relay: Relay): void {
  relays.set(socket, relay);
}

/** The relay that the socket was made with. */
export function relayOf(socket: Socket): Relay | undefined {
  return relays.get(socket);
}
