import { createHmac, timingSafeEqual } from "node:crypto";

/** Which end proves that it knows the key. */
type Side = "client" | "host";

/** HMAC-SHA256 over `clauderon-host-v1 NUL side NUL client-nonce NUL host-nonce`, hexadecimal. */
export function handshakeProof(
  key: Uint8Array,
  side: Side,
  nonces: { readonly client: string; readonly host: string },
): string {
  return createHmac("sha256", key).update(`clauderon-host-v1\0${side}\0${nonces.client}\0${nonces.host}`).digest("hex");
}

/** In time that does not depend on where they differ. */
export function isEqualProof(given: unknown, wanted: string): boolean {
  if (typeof given !== "string" || given.length !== wanted.length) return false;
  return timingSafeEqual(Buffer.from(given), Buffer.from(wanted));
}

/** 32 bytes in hexadecimal. */
export function isNonce(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
