import { RequestError } from "../contract/errors/request-error.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** One field of a frame after its type byte. `rest` fields take what is left and come last. */
export type FrameField =
  | { readonly kind: "u8" | "u16" | "u32" | "u64" | "i32"; readonly value: number }
  | { readonly kind: "bytes"; readonly value: Uint8Array }
  | { readonly kind: "text"; readonly value: string };

const widths = { u8: 1, u16: 2, u32: 4, u64: 8, i32: 4 } as const;

/** Type byte and fields, big-endian. A number that does not fit throws a `RangeError`. */
export function encodeFrame(type: number, fields: readonly FrameField[]): Uint8Array {
  const parts = fields.map((field) => {
    if (field.kind === "bytes") return field.value;
    if (field.kind === "text") return encoder.encode(field.value);
    return encodeNumber(field.kind, field.value);
  });
  const frame = new Uint8Array(1 + parts.reduce((total, part) => total + part.byteLength, 0));
  frame[0] = type;
  let offset = 1;
  for (const part of parts) {
    frame.set(part, offset);
    offset += part.byteLength;
  }
  return frame;
}

function encodeNumber(kind: keyof typeof widths, value: number): Uint8Array {
  const bytes = new Uint8Array(widths[kind]);
  const view = new DataView(bytes.buffer);
  const limit = kind === "u64" ? Number.MAX_SAFE_INTEGER : 2 ** (8 * widths[kind]) - 1;
  const [low, high] = kind === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, limit];
  if (!Number.isInteger(value) || value < low || value > high) throw new RangeError(`${value} is no ${kind}`);
  if (kind === "u64") view.setBigUint64(0, BigInt(value));
  else if (kind === "i32") view.setInt32(0, value);
  else if (kind === "u32") view.setUint32(0, value);
  else if (kind === "u16") view.setUint16(0, value);
  else view.setUint8(0, value);
  return bytes;
}

/** Reads a frame's fields in order. What is missing or left over rejects with `request.refused`. */
export class FrameReader {
  readonly type: number;
  readonly #frame: Uint8Array;
  readonly #view: DataView;
  #offset = 1;

  constructor(frame: Uint8Array) {
    const [type] = frame;
    if (type === undefined) throw malformedFrame("it is empty");
    this.type = type;
    this.#frame = frame;
    this.#view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  }

  number(kind: keyof typeof widths): number {
    const at = this.#offset;
    this.#offset += widths[kind];
    if (this.#offset > this.#frame.byteLength) throw malformedFrame("it ends too early");
    if (kind === "i32") return this.#view.getInt32(at);
    if (kind === "u32") return this.#view.getUint32(at);
    if (kind === "u16") return this.#view.getUint16(at);
    if (kind === "u8") return this.#view.getUint8(at);
    const value = this.#view.getBigUint64(at);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformedFrame("a number is too large");
    return Number(value);
  }

  /** What is left, without a copy. */
  bytes(): Uint8Array {
    const rest = this.#frame.subarray(this.#offset);
    this.#offset = this.#frame.byteLength;
    return rest;
  }

  text(): string {
    try {
      return decoder.decode(this.bytes());
    } catch (error) {
      throw malformedFrame("its text is not UTF-8", error);
    }
  }

  end(): void {
    if (this.#offset !== this.#frame.byteLength) throw malformedFrame("it is too long");
  }
}

/** For a frame that cannot be read. */
export function malformedFrame(why: string, cause?: unknown): RequestError {
  return new RequestError({
    message: "A frame cannot be read",
    why,
    fix: ["use the client and the daemon of one version"],
    cause,
  });
}
