import { once } from "node:events";
import type { Duplex } from "node:stream";

import { createCarrierClient, type CarrierClient, type CarrierClientSettings } from "../create-carrier-client.ts";
import { createCarrierHub, type CarrierHub, type CarrierHubSettings } from "../create-carrier-hub.ts";
import { cutCarrier, type CutCarrier } from "./cut-carrier.fixture.ts";

export const sessionId = "s1";

/** What came out of a stream until it was over. */
export interface StreamRecord {
  readonly bytes: Buffer;
  readonly isEnded: boolean;
  readonly error: Error | undefined;
}

export async function readAll(stream: Duplex): Promise<StreamRecord> {
  const parts: Buffer[] = [];
  let isEnded = false;
  let error: Error | undefined;
  stream.on("data", (bytes: Buffer) => parts.push(bytes));
  stream.on("error", (value) => {
    error = value;
  });
  await new Promise<void>((fulfil) => {
    stream.once("end", () => {
      isEnded = true;
      fulfil();
    });
    stream.once("close", fulfil);
    if (stream.destroyed) fulfil();
  });
  return { bytes: Buffer.concat(parts), isEnded, error };
}

/** Reads exactly so many bytes and leaves the rest. */
export async function readBytes(stream: Duplex, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let left = count; left > 0;) {
    const part = stream.read(Math.min(left, stream.readableLength || left)) as Buffer | null;
    if (part === null) await once(stream, "readable");
    else {
      parts.push(part);
      left -= part.length;
    }
  }
  return Buffer.concat(parts);
}

export interface ChannelWorld extends AsyncDisposable {
  readonly hub: CarrierHub;
  readonly client: CarrierClient;
  /** Streams that came to the hub, in their order. */
  readonly incoming: Duplex[];
  readonly losses: () => number;
  /** The latest carrier. */
  carrier: CutCarrier;
  /** Joins the ends by another carrier, as a backend does. */
  join(bytes?: number): Promise<void>;
  /** Opens a stream and gives both of its ends. */
  pair(): Promise<{ readonly near: Duplex; readonly far: Duplex }>;
}

/** A hub and a client that nothing joins yet. */
export function channelWorld(
  options: { readonly hub?: Partial<CarrierHubSettings>; readonly client?: CarrierClientSettings } = {},
): ChannelWorld {
  const incoming: Duplex[] = [];
  const waiting: ((stream: Duplex) => void)[] = [];
  let losses = 0;
  const hub = createCarrierHub({
    accept: async (stream) => {
      stream.on("error", () => undefined);
      incoming.push(stream);
      waiting.shift()?.(stream);
    },
    ...options.hub,
  });
  const client = createCarrierClient({
    ...options.client,
    onLost: () => {
      losses += 1;
      options.client?.onLost?.();
    },
  });
  const world: ChannelWorld = {
    hub,
    client,
    incoming,
    losses: () => losses,
    carrier: cutCarrier(),
    async join(bytes) {
      world.carrier = cutCarrier(bytes);
      const accepted = hub.acceptCarrier(world.carrier.hub, sessionId).catch(() => undefined);
      await client.attach(world.carrier.client);
      await accepted;
    },
    async pair() {
      const far = new Promise<Duplex>((fulfil) => {
        waiting.push(fulfil);
      });
      const near = client.openStream();
      near.on("error", () => undefined);
      return { near, far: await far };
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await hub.close();
    },
  };
  return world;
}
