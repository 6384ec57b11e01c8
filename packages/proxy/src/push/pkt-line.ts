/** gitprotocol-common: a length of four hex digits that counts itself, then the payload. */
const MAX_PACKET = 65520;

export type PktLineRead =
  | { readonly kind: "data"; readonly payload: Buffer; readonly end: number }
  | { readonly kind: "flush"; readonly end: number }
  | { readonly kind: "incomplete" }
  | { readonly kind: "malformed" };

/** Reads the packet that begins at `offset`. The special packets 1 to 3 and the empty one have no place in a push, so they are malformed here. */
export function readPktLine(bytes: Buffer, offset: number): PktLineRead {
  if (bytes.length - offset < 4) return { kind: "incomplete" };
  const digits = bytes.toString("latin1", offset, offset + 4);
  if (!/^[0-9a-f]{4}$/i.test(digits)) return { kind: "malformed" };
  const length = Number.parseInt(digits, 16);
  if (length === 0) return { kind: "flush", end: offset + 4 };
  if (length <= 4 || length > MAX_PACKET) return { kind: "malformed" };
  const end = offset + length;
  if (bytes.length < end) return { kind: "incomplete" };
  return { kind: "data", payload: bytes.subarray(offset + 4, end), end };
}

export const flushPacket: Buffer = Buffer.from("0000");

export function encodePktLine(payload: Uint8Array): Buffer {
  const length = (payload.length + 4).toString(16).padStart(4, "0");
  return Buffer.concat([Buffer.from(length), payload]);
}
