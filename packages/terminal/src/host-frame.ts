import { HostError } from "./host-protocol.ts";

const headBytes = 9;
/** Smaller pieces are put together, as each costs more than its bytes. */
const pieceBytes = 16_384;

/** One message: `u32 length (of what follows) · u8 type · u32 id · payload`, numbers big-endian. */
export interface HostFrame {
  readonly type: number;
  /** Of the request or stream it belongs to; 0 for the connection itself. */
  readonly id: number;
  readonly payload: Buffer;
}

export function encodeFrame(type: number, id: number, payload: Uint8Array | string = ""): Buffer {
  const body = typeof payload === "string" ? Buffer.from(payload) : payload;
  const frame = Buffer.allocUnsafe(headBytes + body.length);
  frame.writeUInt32BE(body.length + 5, 0);
  frame.writeUInt8(type, 4);
  frame.writeUInt32BE(id, 5);
  frame.set(body, headBytes);
  return frame;
}

export function encodeJsonFrame(type: number, id: number, payload: unknown): Buffer {
  return encodeFrame(type, id, JSON.stringify(payload));
}

/** The payload of an output frame: `u8 source · u8 flags · u64 sequence · bytes`. */
export function encodeOutput(
  id: number,
  head: { readonly type: number; readonly source: number; readonly flags: number; readonly sequence: number },
  parts: readonly Uint8Array[],
): Buffer {
  const length = parts.reduce((total, part) => total + part.length, 0);
  const frame = Buffer.allocUnsafe(headBytes + 10 + length);
  frame.writeUInt32BE(length + 15, 0);
  frame.writeUInt8(head.type, 4);
  frame.writeUInt32BE(id, 5);
  frame.writeUInt8(head.source, 9);
  frame.writeUInt8(head.flags, 10);
  frame.writeBigUInt64BE(BigInt(head.sequence), 11);
  let offset = headBytes + 10;
  for (const part of parts) {
    frame.set(part, offset);
    offset += part.length;
  }
  return frame;
}

/** Cuts a byte stream into frames, holding back no more than one unfinished frame of the allowed size. */
export class FrameReader {
  #limitBytes: number;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  set limitBytes(value: number) {
    this.#limitBytes = value;
  }

  /** Buffers that are held. */
  get partCount(): number {
    return this.#parts.length;
  }

  /** Bytes of an unfinished frame, or of frames that nobody has taken. */
  get heldBytes(): number {
    return this.#length;
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
  next(): HostFrame | undefined {
    if (this.#length < 4) return undefined;
    const length = this.#head(4).readUInt32BE(0);
    if (length < 5) throw new HostError("request.refused", `A frame of ${length} bytes is too short`);
    if (length > this.#limitBytes) {
      throw new HostError("request.too-large", `A frame of ${length} bytes is larger than ${this.#limitBytes}`);
    }
    if (this.#length < 4 + length) return undefined;
    const frame = this.#head(4 + length);
    this.#parts[0] = frame.subarray(4 + length);
    this.#length -= 4 + length;
    return {
      type: frame.readUInt8(4),
      id: frame.readUInt32BE(5),
      payload: frame.subarray(headBytes, 4 + length),
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

/** The JSON object in a payload; anything else is refused. */
export function payloadObject(payload: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString("utf8"));
  } catch {
    throw new HostError("request.refused", "A message is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HostError("request.refused", "A message is not a JSON object");
  }
  return value as Readonly<Record<string, unknown>>;
}
