import { readFile } from "node:fs/promises";

import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";

import { encodeFrame, encodeJson, encodeU64, FrameReader, type ChannelFrame } from "./channel-frame.ts";
import { makeProof } from "./channel-proof.ts";
import { channelLimits, frameTypes, messages, readMessage } from "./channel-protocol.ts";
import { SendLog } from "./send-log.ts";
import { channelWorld, readAll, readBytes, sessionId, type ChannelWorld } from "./testing/channel-world.fixture.ts";
import { cutCarrier } from "./testing/cut-carrier.fixture.ts";
import { nonce, RawPeer } from "./testing/raw-peer.fixture.ts";

const kibibyte = 1024;
const worlds: ChannelWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world[Symbol.asyncDispose]();
});

async function joined(options?: Parameters<typeof channelWorld>[0]): Promise<ChannelWorld> {
  const world = channelWorld(options);
  worlds.push(world);
  await world.join();
  return world;
}

const openProxy = (id: number): Buffer => encodeJson(frameTypes.open, id, { kind: "proxy" });

describe("what the other end may not do", () => {
  const data = (bytes: number): Buffer => encodeFrame(frameTypes.data, 1, Buffer.alloc(bytes));
  const breaches: Readonly<Record<string, readonly Buffer[]>> = {
    "send more than was granted": [openProxy(1), ...Array.from({ length: 5 }, () => data(64 * kibibyte))],
    "send on a stream that was never opened": [data(1)],
    "open a stream with an id of this end": [openProxy(2)],
    "open a stream twice": [openProxy(1), openProxy(1)],
    "open a stream below the last": [openProxy(3), openProxy(1)],
    "open the channel itself": [openProxy(0)],
    "send after its end": [openProxy(1), encodeFrame(frameTypes.end, 1), data(1)],
    "send nothing as data": [openProxy(1), data(0)],
    "end twice": [openProxy(1), encodeFrame(frameTypes.end, 1), encodeFrame(frameTypes.end, 1)],
    "name a target that does not exist": [encodeJson(frameTypes.open, 1, { kind: "host" })],
    "name an endless target": [encodeJson(frameTypes.open, 1, { kind: "proxy", more: "x".repeat(2000) })],
    "send frames of no type": [openProxy(1), encodeFrame(0x99, 1)],
    "greet twice": [encodeJson(frameTypes.hello, 0, { protocols: [1], nonce })],
    "acknowledge what was not sent": [encodeU64(frameTypes.ack, 0, 1_000_000)],
    "grant half a number": [openProxy(1), encodeFrame(frameTypes.window, 1, "xy")],
  };
  test.each(Object.keys(breaches))("%s: told, and the channel ends", async (name) => {
    const world = channelWorld();
    worlds.push(world);
    const peer = new RawPeer(world);
    const { channel } = await peer.begin();
    peer.say(...(breaches[name] ?? []));
    expect(await peer.failure()).toBe("protocol.violation");
    // What had ended is read to its end first.
    for (const stream of world.incoming) await expect.poll(() => stream.resume().destroyed).toBe(true);
    const next = new RawPeer(world);
    next.hello(channel);
    expect(await next.failure()).toBe("channel.unknown");
  });

  test("noise on a carrier costs the carrier, not the channel", async () => {
    const world = await joined();
    const { near, far } = await world.pair();
    world.carrier.client.write("command terminated with exit code 137\n");
    await expect.poll(() => world.carrier.hub.destroyed).toBe(true);
    await world.join();
    near.end("still here");
    expect((await readAll(far)).bytes.toString()).toBe("still here");
  });

  test.each([
    ["a hello that is no JSON", encodeFrame(frameTypes.hello, 0, "{"), "protocol.violation"],
    ["a hello without a nonce", encodeJson(frameTypes.hello, 0, { protocols: [1] }), "protocol.violation"],
    ["another frame first", encodeFrame(frameTypes.ping, 0), "protocol.violation"],
    ["another version", encodeJson(frameTypes.hello, 0, { protocols: [2, 9], nonce }), "protocol.version"],
  ])("%s is refused", async (_name, frame, code) => {
    const world = channelWorld();
    worlds.push(world);
    const peer = new RawPeer(world);
    peer.say(frame);
    expect(await peer.failure()).toBe(code);
    expect(await peer.accepted).toMatchObject({ code: "request.refused", context: { code } });
  });

  test("a carrier that says nothing is given up", async () => {
    const world = channelWorld({ hub: { times: { handshakeMs: 20 } } });
    worlds.push(world);
    const peer = new RawPeer(world);
    expect(await peer.accepted).toMatchObject({ context: { code: "carrier.lost" } });
    await expect.poll(() => peer.carrier.hub.destroyed).toBe(true);
  });
});

describe("resumption belongs to who has the key", () => {
  test("recorded handshakes, wrong proofs and channels of other sessions are refused, and the channel goes on", async () => {
    const world = await joined();
    const { near, far } = await world.pair();
    near.write("before ");
    await world.join();
    const recorded = Buffer.concat(world.carrier.passed.client);
    const channel = /"channel":"(?<id>\w+)"/u.exec(recorded.toString("latin1"))?.groups?.["id"] ?? "";
    expect(recorded.toString("latin1")).toContain('"proof"');

    const replay = new RawPeer(world);
    replay.say(recorded);
    expect(await replay.failure()).toBe("channel.refused");

    const forger = new RawPeer(world);
    forger.hello(channel);
    const { nonce: hubNonce } = readMessage(messages.challenge, (await forger.heard(frameTypes.challenge)).payload);
    const facts = { side: "client", channel, clientNonce: nonce, hubNonce } as const;
    forger.say(encodeJson(frameTypes.proof, 0, { proof: makeProof("00".repeat(32), facts), position: 0 }));
    expect(await forger.failure()).toBe("channel.refused");

    // What the hub proved is no proof of a client.
    const mirror = new RawPeer(world);
    mirror.hello(channel);
    const { proof } = readMessage(messages.challenge, (await mirror.heard(frameTypes.challenge)).payload);
    mirror.say(encodeJson(frameTypes.proof, 0, { proof, position: 0 }));
    expect(await mirror.failure()).toBe("channel.refused");

    const neighbour = new RawPeer(world, "s2");
    neighbour.hello(channel);
    expect(await neighbour.failure()).toBe("channel.unknown");
    const stranger = new RawPeer(world);
    stranger.hello("00".repeat(16));
    expect(await stranger.failure()).toBe("channel.unknown");

    near.end("after");
    expect((await readAll(far)).bytes.toString()).toBe("before after");
    expect(world.losses()).toBe(0);
  });

  test.each([5, 1_000_000])("position %i, which cannot be, ends the channel", async (position) => {
    const world = channelWorld();
    worlds.push(world);
    const first = new RawPeer(world);
    const { channel, key } = await first.begin();
    first.say(openProxy(1));
    await first.heard(frameTypes.window);
    const peer = new RawPeer(world);
    peer.hello(channel);
    const { nonce: hubNonce } = readMessage(messages.challenge, (await peer.heard(frameTypes.challenge)).payload);
    const proof = makeProof(key, { side: "client", channel, clientNonce: nonce, hubNonce });
    peer.say(encodeJson(frameTypes.proof, 0, { proof, position }));
    expect(await peer.failure()).toBe("protocol.violation");
    await expect.poll(() => world.incoming[0]?.destroyed).toBe(true);
  });

  test("carriers that die at their welcome fill no more than the limit, and never push out a channel in use", async () => {
    const world = await joined();
    const { near, far } = await world.pair();
    near.write("x");
    await readBytes(far, 1);
    for (let count = 0; count < 40; count += 1) {
      const peer = new RawPeer(world);
      await peer.begin();
      peer.carrier.cut();
      await expect.poll(() => peer.carrier.hub.destroyed).toBe(true);
    }
    const held = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const peer = new RawPeer(world);
        return peer.begin().then(
          () => "begun",
          () => peer.failure(),
        );
      }),
    );
    expect(held.filter((one) => one === "begun").length).toBe(15);
    expect(held.filter((one) => one === "channel.limit").length).toBe(5);
    near.end("y");
    expect((await readAll(far)).bytes.toString()).toBe("y");
  });
});

test("carriers in their handshake do not outlive their session", async () => {
  const world = channelWorld();
  worlds.push(world);
  const peer = new RawPeer(world);
  world.hub.closeSession(sessionId);
  expect(await peer.failure()).toBe("channel.closed");
  expect(await peer.accepted).toMatchObject({ code: "request.refused" });
  const attached = world.client.attach(cutCarrier().client);
  await world.client.close();
  await expect(attached).rejects.toThrow("did not lead to the channel");
});

test("close ends everything at both ends with an error", async () => {
  const world = await joined();
  const { near, far } = await world.pair();
  const records = [readAll(near), readAll(far)];
  await world.hub.close();
  for (const { isEnded, error } of await Promise.all(records)) {
    expect(isEnded).toBe(false);
    expect(error).toBeInstanceOf(Error);
  }
  await expect(world.hub.acceptCarrier(cutCarrier().hub, sessionId)).rejects.toThrow("closed");
});

test("frames come out as they went in, wherever the carrier's reads end", () => {
  const frame = fc.record({
    type: fc.nat(255),
    stream: fc.nat(0xffff_ffff),
    payload: fc.uint8Array({ maxLength: 300 }),
  });
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 400 })), (sent, sizes) => {
      const bytes = Buffer.concat(sent.map(({ type, stream, payload }) => encodeFrame(type, stream, payload)));
      const reader = new FrameReader(channelLimits.handshakeFrameBytes);
      const received: ChannelFrame[] = [];
      for (let place = 0; place < bytes.length;) {
        const size = sizes.shift() ?? bytes.length;
        reader.push(bytes.subarray(place, place + size));
        place += size;
        for (let next = reader.next(); next !== undefined; next = reader.next()) received.push(next);
      }
      const plain = received.map(({ type, stream, payload }) => ({ type, stream, payload }));
      expect(plain).toEqual(sent.map((one) => ({ ...one, payload: Buffer.from(one.payload) })));
    }),
  );
});

test("the log gives back exactly what was not acknowledged, and takes only ends of its frames", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 9, max: 30 }), { maxLength: 600 }), fc.array(fc.nat(700)), (sizes, acks) => {
      const log = new SendLog();
      const ends = [0];
      for (const size of sizes) {
        log.append(Buffer.alloc(size, ends.length));
        ends.push((ends.at(-1) ?? 0) + size);
      }
      let done = 0;
      for (const ack of acks) {
        const end = ends[ack];
        if (end === undefined || ack < done) expect(() => log.acknowledge(end ?? 1e9)).toThrow("Position");
        else {
          log.acknowledge(end);
          done = ack;
        }
        expect([...log.unacknowledged()].map((frame) => frame.length)).toEqual(sizes.slice(done));
        expect(log.unacknowledgedBytes).toBe((ends.at(-1) ?? 0) - (ends[done] ?? 0));
      }
    }),
  );
});

test("the example of the document holds", async () => {
  const text = await readFile(new URL("../../../../docs/architecture/channel-protocol.md", import.meta.url), "utf8");
  const lines = [...text.matchAll(/^(?<bytes>[0-9a-f]{8} [0-9a-f]{2} [0-9a-f]{8} [0-9a-f]+) +(?:open|window|data)/gmu)];
  const world = channelWorld();
  worlds.push(world);
  world.client
    .openStream()
    .on("error", () => undefined)
    .write("hi");
  await world.join();
  const sent = Buffer.concat(world.carrier.passed.client).toString("hex");
  expect(lines.length).toBe(3);
  expect(sent.endsWith(lines.map(({ groups }) => groups?.["bytes"]?.replaceAll(" ", "")).join(""))).toBe(true);
  const facts = { channel: "22".repeat(16), clientNonce: "33".repeat(32), hubNonce: "44".repeat(32) };
  for (const side of ["hub", "client"] as const) expect(text).toContain(makeProof("11".repeat(32), { ...facts, side }));
});
