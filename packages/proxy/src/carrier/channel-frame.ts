import { ChannelFault } from "./channel-protocol.ts";

export const frameHeadBytes = 9;
const countedHeadBytes = 5;
/** Smaller pieces are put together, as each costs more than its bytes. */
const pieceBytes = 16_384;

/** One message: `u32 length (of what follows) · u8 type · u32 stream · payload`, numbers big-endian. */
export class ChannelFrame {
  readonly type: number;
  /** The stream it belongs to; 0 for the channel itself. */
  readonly stream: number;
  /** The payload as it came, none of them empty. */
  readonly parts: readonly Buffer[];

  constructor(type: number, stream: number, parts: readonly Buffer[]) {
    this.type = type;
    this.stream = stream;
    this.parts = parts;
  }

  /** The payload in one piece. */
  get payload(): Buffer {
    const [first] = this.parts;
    return first !== undefined && this.parts.length === 1 ? first : Buffer.concat(this.parts);
  }

  get payloadBytes(): number {
    return this.parts.reduce((total, { length }) => total + length, 0);
  }
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
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    let last = bytes;
    for (let before = this.#parts.at(-1); before !== undefined; before = this.#parts.at(-1)) {
      if (before.length > last.length || last.length >= pieceBytes) break;
      last = Buffer.concat([before, last]);
      this.#parts.pop();
    }
    this.#parts.push(last);
  }

  /** The next whole frame, if there is one. Throws on a length that is too small or too large, before its bytes are held. */
  next(): ChannelFrame | undefined {
    if (this.#length < frameHeadBytes) return this.#refuseEarly();
    const head = this.#peek(frameHeadBytes);
    const length = this.#checked(head.readUInt32BE(0));
    if (this.#length < 4 + length) return undefined;
    const type = head.readUInt8(4);
    const stream = head.readUInt32BE(5);
    this.#take(frameHeadBytes);
    return new ChannelFrame(type, stream, this.#take(length - countedHeadBytes));
  }

  #refuseEarly(): undefined {
    if (this.#length >= 4) this.#checked(this.#peek(4).readUInt32BE(0));
    return undefined;
  }

  #checked(length: number): number {
    if (length >= countedHeadBytes && length <= this.limitBytes) return length;
    throw new ChannelFault("protocol.violation", `A frame of ${length} bytes is too short or too long`);
  }

  #peek(count: number): Buffer {
    const [first] = this.#parts;
    if (first !== undefined && first.length >= count) return first;
    // No more than the head is copied.
    const before = this.#length;
    const head = Buffer.concat(this.#take(count));
    this.#length = before;
    this.#parts.unshift(head);
    return head;
  }

  #take(count: number): Buffer[] {
    const taken: Buffer[] = [];
    for (let left = count; left > 0;) {
      const part = this.#parts[0];
      if (part === undefined) break;
      const size = Math.min(part.length, left);
      taken.push(part.subarray(0, size));
      if (size === part.length) this.#parts.shift();
      else this.#parts[0] = part.subarray(size);
      left -= size;
    }
    this.#length -= count;
    return taken;
  }
}
