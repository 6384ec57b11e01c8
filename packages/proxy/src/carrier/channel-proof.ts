import { createHmac, timingSafeEqual } from "node:crypto";

/** What a proof of the channel's key is about; both nonces are fresh, so that none can be used twice. */
export interface ProofFacts {
  readonly side: "hub" | "client";
  readonly channel: string;
  readonly clientNonce: string;
  readonly hubNonce: string;
}

export function makeProof(key: string, { side, channel, clientNonce, hubNonce }: ProofFacts): string {
  const text = ["clauderon-channel-v1", side, channel, clientNonce, hubNonce].join("\0");
  return createHmac("sha256", Buffer.from(key, "hex")).update(text).digest("hex");
}

export function isProof(given: string, key: string, facts: ProofFacts): boolean {
  const wanted = Buffer.from(makeProof(key, facts));
  const bytes = Buffer.from(given);
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
}
