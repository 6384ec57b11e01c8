import { Buffer } from "node:buffer";

/** The DER types that a certificate and a trust store are made of (X.690). */
const universal = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

const lastUtcYear = 2049;

function element(tag: number, content: Uint8Array): Buffer {
  const size = content.length;
  if (size < 0x80) return Buffer.concat([Buffer.of(tag, size), content]);
  const digits: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.concat([Buffer.of(tag, 0x80 | digits.length, ...digits), content]);
}

function encodeObjectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift(0x80 | (left % 128));
    bytes.push(...groups);
  }
  return Buffer.from(bytes);
}

/** Writes DER. Lengths and tags are its business; what the values mean is the caller's. */
export const der = {
  sequence: (...items: readonly Uint8Array[]): Buffer => element(universal.sequence, Buffer.concat(items)),
  set: (...items: readonly Uint8Array[]): Buffer => element(universal.set, Buffer.concat(items)),
  /** Big-endian and not negative; a leading zero is added where the sign bit asks for one. */
  integer(value: Uint8Array | number): Buffer {
    const bytes = typeof value === "number" ? Buffer.of(value) : Buffer.from(value);
    const firstSet = bytes.findIndex((byte) => byte !== 0);
    const digits = firstSet === -1 ? Buffer.of(0) : bytes.subarray(firstSet);
    return element(universal.integer, (digits[0] ?? 0) < 0x80 ? digits : Buffer.concat([Buffer.of(0), digits]));
  },
  boolean: (value: boolean): Buffer => element(universal.boolean, Buffer.of(value ? 0xff : 0)),
  null: (): Buffer => element(universal.null, Buffer.alloc(0)),
  objectIdentifier: (dotted: string): Buffer => element(universal.objectIdentifier, encodeObjectIdentifier(dotted)),
  octetString: (content: Uint8Array): Buffer => element(universal.octetString, content),
  bitString: (content: Uint8Array, unusedBits = 0): Buffer =>
    element(universal.bitString, Buffer.concat([Buffer.of(unusedBits), content])),
  utf8String: (text: string): Buffer => element(universal.utf8String, Buffer.from(text, "utf8")),
  bmpString: (text: string): Buffer => element(universal.bmpString, Buffer.from(text, "utf16le").swap16()),
  /** A point in time in whole seconds, in the form that RFC 5280 §4.1.2.5 asks for its year. */
  time(date: Date): Buffer {
    const digits = date.toISOString().replace(/\.\d+/u, "").replaceAll(/[-:T]/gu, "");
    return date.getUTCFullYear() > lastUtcYear
      ? element(universal.generalizedTime, Buffer.from(digits, "latin1"))
      : element(universal.utcTime, Buffer.from(digits.slice(2), "latin1"));
  },
  /** `[n]` around whole elements. */
  explicit: (tag: number, content: Uint8Array): Buffer => element(0xa0 | tag, content),
  /** `[n]` in place of a primitive's own tag. */
  implicit: (tag: number, content: Uint8Array): Buffer => element(0x80 | tag, content),
} as const;
