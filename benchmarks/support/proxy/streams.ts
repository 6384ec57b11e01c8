import type { TLSSocket } from "node:tls";

import { open, requestHead, type OpenOptions } from "./load.ts";
import type { Arm, Rig } from "./rig.ts";

export interface EventStream {
  readonly tls: TLSSocket;
  /** When the first event was here. */
  readonly first: Promise<void>;
  readonly ended: Promise<void>;
}

export interface StreamOptions extends OpenOptions {
  readonly everyMs: number;
  readonly count: number;
  /** Milliseconds from the upstream's write until the client has it. */
  readonly onDelay?: (delayMs: number) => void;
}

/** Asks for a stream of events; both processes read the same monotonic clock. */
export async function openEvents(arm: Arm, rig: Rig, options: StreamOptions): Promise<EventStream> {
  const { everyMs, count, onDelay } = options;
  const { port } = rig.upstream;
  const tls = await open(arm, port, options);
  const first = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  tls.on("error", () => undefined);
  tls.on("close", () => ended.resolve());
  tls.on("data", (chunk: Buffer) => {
    const now = process.hrtime.bigint();
    const text = chunk.toString("latin1");
    for (const [, sent = "0"] of text.matchAll(/data: (\d+) /gu)) {
      onDelay?.(Number(now - BigInt(sent)) / 1e6);
      first.resolve();
    }
    if (text.endsWith("0\r\n\r\n")) {
      ended.resolve();
      tls.destroy();
    }
  });
  tls.write(
    requestHead(`/sse?every=${everyMs}&count=${count}`, port, options.host === undefined ? {} : { host: options.host }),
  );
  return { tls, first: first.promise, ended: ended.promise };
}
