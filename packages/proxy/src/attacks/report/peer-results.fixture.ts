import type { PeerName } from "../harness/peers.fixture.ts";

/** Which cases got through the other proxies, by their ids. */
export type PeerResults = Readonly<
  Record<PeerName, { readonly version: string; readonly failures: readonly string[] }>
>;
