import { ChannelFault } from "./channel-protocol.ts";

export const frameHeadBytes = 9;
const countedHeadBytes = 5;
/** Smaller pieces are put together, as each costs more than its bytes. */
const pieceBytes = 16_384;

/** One message: `u32 length (of what follows) · u8 type · u32 stream · payload`, numbers big-endian. */
export interface ChannelFrame {
  readonly type: number;
  /** The stream it belongs to; 0 for the channel itself. */
  readonly stream: number;
  readonly payload: Buffer;
}

export function encodeFrame(type: number, stream: number, payload: Uint8Array | string = ""): Buffer {
  const body = typeof payload === "string" ? Buffer.from(payload) : payload;
  const frame = Buffer.allocUnsafe(frameHeadBytes + body.length);
  frame.writeUInt32BE(body.length + countedHeadBytes, 0);
  frame.writeUInt8(type, 4);
  frame.writeUInt32BE(stream, 5);
  frame.set(body, frameHeadBytes);
  return frame;
}

export function encodeJson(type: number, stream: number, message: object): Buffer {
  return encodeFrame(type, stream, JSON.stringify(message));
}

export function encodeU32(type: number, stream: number, value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value);
  return encodeFrame(type, stream, payload);
}

export function encodeU64(type: number, stream: number, value: number): Buffer {
  const payload = Buffer.allocUnsafe(8);
  payload.writeBigUInt64BE(BigInt(value));
  return encodeFrame(type, stream, payload);
}

/** Reads a number of 8 bytes; one beyond 2^53 is no position. */
export function decodeU64(payload: Buffer): number {
  if (payload.length !== 8) throw new ChannelFault("protocol.violation", "A position does not have 8 bytes");
  const value = Number(payload.readBigUInt64BE());
  if (!Number.isSafeInteger(value)) throw new ChannelFault("protocol.violation", "A position is too large");
  return value;
}

export function decodeU32(payload: Buffer): number {
  if (payload.length !== 4) throw new ChannelFault("protocol.violation", "A window does not have 4 bytes");
  return payload.readUInt32BE();
}

/** Cuts a carrier's bytes into frames; holds back at most one unfinished frame of the allowed size, and what was pushed at once. */
export class FrameReader {
  /** Of type, stream and payload. */
  limitBytes: number;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  push(bytes: Buffer): void {
    this.#length += bytes.length;
    let last = bytes;
    for (let before = this.#parts.at(-1); before !== undefined; before = this.#parts.at(-1)) {
      if (before.length > last.length || before.length >= pieceBytes) break;
      last = Buffer.concat([before, last]);
      this.#parts.pop();
    }
    this.#parts.push(last);
  }

  /** The next whole frame, if there is one. Throws on a length that is too small or too large, before its bytes are held. */
  next(): ChannelFrame | undefined {
    if (this.#length < 4) return undefined;
    const length = this.#head(4).readUInt32BE(0);
    if (length < countedHeadBytes || length > this.limitBytes)
      throw new ChannelFault("protocol.violation", `A frame of ${length} bytes is too short or too long`);
    if (this.#length < 4 + length) return undefined;
    const frame = this.#head(4 + length);
    this.#parts[0] = frame.subarray(4 + length);
    this.#length -= 4 + length;
    return {
      type: frame.readUInt8(4),
      stream: frame.readUInt32BE(5),
      payload: frame.subarray(frameHeadBytes, 4 + length),
    };
  }

  /** Makes the first `count` bytes lie in one buffer. */
  #head(count: number): Buffer {
    const [first] = this.#parts;
    if (first !== undefined && first.length >= count) return first;
    const joined = Buffer.concat(this.#parts);
    this.#parts = [joined];
    return joined;
  }
}
