import type { OnReadOpts, Socket } from "node:net";

/** Takes bytes that are only there until it returns, or until it says that they may be overwritten; false = not yet, and nothing more until `resume`. */
export type TakeBytes = (bytes: Uint8Array) => boolean;

/** How a socket is read into the same memory again and again, instead of into new memory for each 64 KiB. */
export interface Relay {
  readonly onread: OnReadOpts;
  readonly memory: Buffer;
  take: TakeBytes | undefined;
}

/** So much is read at once where so much is there; memory that nothing was ever read into is not used. */
const relayBytes = 256 * 1024;

/** Of tunnels that ended: most are short, and memory of this size costs more to get than they do. */
const free: Buffer[] = [];
const mostFree = 64;

const relays = new WeakMap<Socket, Relay>();

/** What a socket is made with that will be relayed. It is to be paused until something takes its bytes. */
export function createRelay(): Relay {
  const memory = free.pop() ?? Buffer.allocUnsafeSlow(relayBytes);
  const relay: Relay = {
    memory,
    take: undefined,
    onread: {
      buffer: memory,
      callback: (count, bytes) => relay.take?.(bytes.subarray(0, count)) ?? false,
    },
  };
  return relay;
}

/** Both ends have closed: nobody reads into its memory or writes from it any more. */
export function releaseRelay({ memory }: Relay): void {
  if (free.length < mostFree) free.push(memory);
}

export function rememberRelay(socket: Socket, relay: Relay): void {
  relays.set(socket, relay);
}

/** The relay that the socket was made with. */
export function relayOf(socket: Socket): Relay | undefined {
  return relays.get(socket);
}
