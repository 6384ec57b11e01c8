import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";

import { expect, it, onTestFinished } from "vitest";

import { CarrierLink } from "./carrier-link.ts";
import { encodeFrame, FrameReader } from "./channel-frame.ts";
import { channelLimits, frameTypes, messages, readMessage } from "./channel-protocol.ts";

const times = { resumeMs: 60_000, handshakeMs: 60_000, pingMs: 60_000 };

it("says why it hangs up also to a peer that is still sending and reads late, over TCP", async () => {
  const server = createServer((socket) => {
    const link = new CarrierLink(socket, times);
    const fail = (): void => link.fail({ code: "protocol.violation", message: "enough" });
    link.listen({ frame: fail, drain: () => undefined, closed: () => undefined });
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  peer.on("error", () => undefined);
  await once(peer, "connect");
  const ping = encodeFrame(frameTypes.ping, 0);
  // It hears nothing as long as it has something to say.
  for (let count = 0; count < 50 && !peer.destroyed; count += 1)
    await new Promise<void>(
      (written) => void peer.write(Buffer.concat(Array.from({ length: 20_000 }, () => ping)), () => written()),
    );
  const reader = new FrameReader(channelLimits.payloadBytes + 5);
  peer.on("data", (bytes: Buffer) => reader.push(bytes));
  if (!peer.destroyed) await once(peer, "close");
  const frame = reader.next();
  if (frame === undefined) expect.fail("it was told nothing");
  expect(readMessage(messages.reason, frame.payload)).toMatchObject({ code: "protocol.violation", message: "enough" });
});
