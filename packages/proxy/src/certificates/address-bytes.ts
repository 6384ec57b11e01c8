import { Buffer } from "node:buffer";
import { isIPv4 } from "node:net";

/** The 4 or 16 bytes of an address in canonical form. */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const before = groups(head);
  const after = tail === undefined ? Buffer.alloc(0) : groups(tail);
  return Buffer.concat([before, Buffer.alloc(16 - before.length - after.length), after]);
}

function groups(text: string): Buffer {
  if (text === "") return Buffer.alloc(0);
  return Buffer.concat(
    text.split(":").map((group) => {
      if (group.includes(".")) return addressBytes(group);
      const value = Number.parseInt(group, 16);
      return Buffer.of(value >> 8, value & 0xff);
    }),
  );
}
