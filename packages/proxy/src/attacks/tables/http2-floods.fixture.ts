import { flag, frame, frameType, headerBlock, literal } from "../../transport/testing/http2-frames.fixture.ts";
import type { Line } from "./http2.fixture.ts";

/** Frames without end. */
export interface Http2Flood {
  readonly name: string;
  readonly piece: (index: number) => Buffer;
  /** After so many the proxy has not defended itself. */
  readonly most: number;
}

const whole = flag.endHeaders | flag.endStream;

/** The floods of HTTP/2, made of a request that is served. */
export function http2Floods(
  good: readonly Line[],
): Readonly<Record<"rapidReset" | "continuation" | "ping" | "settings" | "window" | "streams", Http2Flood>> {
  const block = headerBlock(good);
  const part = Buffer.concat([Buffer.of(0), literal("x-more"), literal("y".repeat(100))]);
  return {
    rapidReset: {
      name: "rapid reset (CVE-2023-44487)",
      most: 5000,
      piece: (index) => {
        const streamId = index * 2 + 1;
        return Buffer.concat([
          frame(frameType.headers, { flags: whole, streamId }, block),
          frame(frameType.reset, { streamId }, Buffer.of(0, 0, 0, 8)),
        ]);
      },
    },
    continuation: {
      name: "CONTINUATION flood (CVE-2024-27983)",
      most: 5000,
      piece: (index) =>
        index === 0
          ? frame(frameType.headers, { flags: flag.endStream, streamId: 1 }, block)
          : frame(frameType.continuation, { streamId: 1 }, part),
    },
    ping: { name: "ping flood", most: 20_000, piece: () => frame(frameType.ping, {}, Buffer.alloc(8)) },
    settings: { name: "settings flood", most: 20_000, piece: () => frame(frameType.settings) },
    window: {
      name: "WINDOW_UPDATE overflow (CVE-2026-21714)",
      most: 2,
      piece: () => frame(frameType.window, {}, Buffer.of(0x7f, 0xff, 0xff, 0xff)),
    },
    streams: {
      name: "ten thousand streams",
      most: 10_000,
      piece: (index) => frame(frameType.headers, { flags: whole, streamId: index * 2 + 1 }, block),
    },
  };
}

/** A head whose table holds one long entry that is named again a thousand times. */
export function hpackBomb(good: readonly Line[]): Buffer {
  const entry = Buffer.concat([Buffer.of(0x40), literal("x-bomb"), literal("z".repeat(3900))]);
  const block = Buffer.concat([headerBlock(good), entry, Buffer.alloc(1000, 0xbe)]);
  return frame(frameType.headers, { flags: whole, streamId: 1 }, block);
}
