import type { TLSSocket } from "node:tls";

import { tlsThrough, type TestProxy } from "./test-proxy.fixture.ts";

export const frameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, window: 8, continuation: 9 };
export const flag = { endStream: 1, endHeaders: 4 };

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

export function frame(
  type: number,
  { flags = 0, streamId = 0 }: { readonly flags?: number; readonly streamId?: number } = {},
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK without tables and without Huffman: says whatever it is told, also what no library would. */
export function headerBlock(lines: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(lines.flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]));
}

/** A string as HPACK writes it (RFC 7541 §5.2). */
export function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const size: number[] = [];
  if (bytes.length < 127) size.push(bytes.length);
  else {
    size.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) size.push((rest & 127) | 128);
    size.push(rest);
  }
  return Buffer.concat([Buffer.from(size), bytes]);
}

/** Speaks HTTP/2 frame by frame, to break its rules. */
export class FrameClient {
  readonly frames: Frame[] = [];
  isClosed = false;
  readonly #tls: TLSSocket;
  readonly #waiting = new Set<() => void>();
  #rest = Buffer.alloc(0);

  private constructor(tls: TLSSocket) {
    this.#tls = tls;
    tls.on("data", (chunk: Buffer) => this.#take(chunk));
    tls.on("error", () => undefined);
    const onEnd = (): void => {
      this.isClosed = true;
      tls.destroy();
      this.#look();
    };
    tls.once("end", onEnd).once("close", onEnd);
    tls.write(preface);
    tls.write(frame(frameType.settings));
  }

  static async open(
    test: Pick<TestProxy, "port" | "authorization" | "ca"> & { readonly isUnverified?: boolean },
    target: string,
  ): Promise<FrameClient> {
    const { isUnverified = false } = test;
    const tls = await tlsThrough(test, { target, protocols: ["h2"], isUnverified });
    return new FrameClient(tls);
  }

  /** False = the proxy does not take more at the moment, or has gone. */
  send(bytes: Buffer): boolean {
    return !this.isClosed && this.#tls.writable && this.#tls.write(bytes);
  }

  /** Resolves when the condition holds or the connection has ended. */
  async until(condition: () => boolean): Promise<void> {
    await new Promise<void>((fulfil) => {
      const look = (): void => {
        if (!condition() && !this.isClosed) return;
        this.#waiting.delete(look);
        fulfil();
      };
      this.#waiting.add(look);
      look();
    });
  }

  async drained(): Promise<void> {
    if (this.isClosed || !this.#tls.writableNeedDrain) return;
    await new Promise<void>((fulfil) => {
      const done = (): void => {
        this.#tls.off("drain", done).off("close", done);
        fulfil();
      };
      this.#tls.once("drain", done).once("close", done);
    });
  }

  close(): void {
    this.#tls.destroy();
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const size = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + size) break;
      this.frames.push({
        type: this.#rest.readUInt8(3),
        flags: this.#rest.readUInt8(4),
        streamId: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(9, 9 + size),
      });
      this.#rest = this.#rest.subarray(9 + size);
    }
    this.#look();
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}
