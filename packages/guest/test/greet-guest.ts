import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { ProtocolPeer } from "@clauderon/terminal/testing";

import type { RunningGuest } from "./run-guest.ts";

/** A client of the guest that has proved the key. */
export async function greetGuest(guest: RunningGuest): Promise<ProtocolPeer> {
  const peer = new ProtocolPeer(await guest.connect());
  await peer.handshake(guest.key);
  return peer;
}

/** A connection to the guest that is a carrier of its channel from here on. */
export async function carryOver(guest: RunningGuest): Promise<Socket> {
  const socket = connect(guest.socket);
  await once(socket, "connect");
  const peer = new ProtocolPeer(socket);
  await peer.handshake(guest.key);
  await peer.call("channel.carry");
  peer.release();
  socket.write(Uint8Array.of(0));
  return socket;
}
