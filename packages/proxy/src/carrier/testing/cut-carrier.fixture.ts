import { Duplex } from "node:stream";

/** A carrier in memory. It dies after so many bytes, both directions counted together; a cut in the middle of a write lets the first part through. */
export interface CutCarrier {
  readonly client: Duplex;
  readonly hub: Duplex;
  /** All that passed, by sender. */
  readonly passed: { readonly client: Buffer[]; readonly hub: Buffer[] };
  readonly passedBytes: () => number;
  cut(): void;
}

export function cutCarrier(bytes: number = Number.POSITIVE_INFINITY): CutCarrier {
  let left = bytes;
  let total = 0;
  const passed = { client: [] as Buffer[], hub: [] as Buffer[] };
  const cut = (): void => {
    left = 0;
    // What was let through arrives before the end.
    setImmediate(() => {
      for (const end of ends) end.destroy();
    });
  };
  const waiting = new Map<Duplex, () => void>();
  const makeEnd = (name: "client" | "hub", peer: () => Duplex): Duplex =>
    new Duplex({
      read() {
        const go = waiting.get(this);
        waiting.delete(this);
        go?.();
      },
      write(chunk: Buffer, _encoding, done) {
        const part = Buffer.from(chunk.subarray(0, Math.min(chunk.length, left)));
        left -= part.length;
        total += part.length;
        if (part.length > 0) passed[name].push(part);
        const takesMore = part.length === 0 || peer().push(part);
        if (left === 0) cut();
        if (takesMore) done();
        else waiting.set(peer(), done);
      },
      final(done) {
        if (left > 0) peer().push(null);
        done();
      },
      destroy(error, done) {
        setImmediate(() => peer().destroy());
        done(error);
      },
    });
  const client: Duplex = makeEnd("client", () => hub);
  const hub: Duplex = makeEnd("hub", () => client);
  const ends = [client, hub];
  if (left === 0) cut();
  return { client, hub, passed, passedBytes: () => total, cut };
}
