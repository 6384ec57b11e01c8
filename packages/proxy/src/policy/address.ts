import { isIPv6 } from "node:net";

/** An IP address, parsed. */
export interface Address {
  readonly family: 4 | 6;
  /** 4 or 16 bytes, network order. */
  readonly bytes: readonly number[];
  /** The only spelling used here: dotted decimal, or RFC 5952 without brackets. */
  readonly text: string;
}

const strictOctet = "(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])";
const strictIpv4 = new RegExp(`^${strictOctet}(?:\\.${strictOctet}){3}$`);

/** Reads an address in its strict spelling: four decimal numbers without leading zeros, or IPv6 without a zone. `undefined` for everything else. */
export function parseAddress(text: string): Address | undefined {
  if (strictIpv4.test(text)) return { family: 4, bytes: text.split(".").map(Number), text };
  if (text.includes("%") || !isIPv6(text)) return undefined;
  const bytes = ipv6Bytes(text);
  return { family: 6, bytes, text: ipv6Text(bytes) };
}

/** The IPv4 address inside an IPv4-mapped (`::ffff:0:0/96`) or NAT64 (`64:ff9b::/96`, RFC 6052) address; DNS64 gives the latter for public IPv4 hosts. */
export function embeddedIpv4(address: Address): Address | undefined {
  const { bytes } = address;
  if (address.family === 4) return undefined;
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  const isNat64 =
    bytes[0] === 0 && bytes[1] === 0x64 && bytes[2] === 0xff && bytes[3] === 0x9b && bytes.slice(4, 12).every(isZero);
  return isMapped || isNat64 ? parseAddress(bytes.slice(12).join(".")) : undefined;
}

function isZero(byte: number): boolean {
  return byte === 0;
}

function ipv6Bytes(text: string): readonly number[] {
  const [head = "", tail] = text.split("::");
  const before = groupBytes(head);
  if (tail === undefined) return before;
  const after = groupBytes(tail);
  const gap = Array.from({ length: 16 - before.length - after.length }, () => 0);
  return [...before, ...gap, ...after];
}

function groupBytes(groups: string): readonly number[] {
  if (groups === "") return [];
  return groups.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups shortened. */
function ipv6Text(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.length === 1) return hex.join(":");
  return `${hex.slice(0, best.start).join(":")}::${hex.slice(best.start + best.length).join(":")}`;
}
