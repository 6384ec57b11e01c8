import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";

import { afterEach, describe, expect, test } from "vitest";

import { encodeFrame, encodeJson, encodeU32, encodeU64, FrameReader } from "./channel-frame.ts";
import { channelLimits, frameTypes, messages, readMessage } from "./channel-protocol.ts";
import { channelWorld, readAll, sessionId, type ChannelWorld } from "./testing/channel-world.fixture.ts";
import { RawPeer } from "./testing/raw-peer.fixture.ts";

const kibibyte = 1024;
const mebibyte = kibibyte * kibibyte;
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

describe("streams", () => {
  test("end one direction at a time", async () => {
    const world = await joined();
    const { near, far } = await world.pair();
    near.end("question");
    expect((await readAll(far)).bytes.toString()).toBe("question");
    far.end("answer");
    expect(await readAll(near)).toMatchObject({ isEnded: true, error: undefined, bytes: Buffer.from("answer") });
    await expect.poll(() => near.destroyed && far.destroyed).toBe(true);
  });

  test.each(["near", "far"] as const)("a break at one end (%s) is an error at the other", async (side) => {
    const world = await joined();
    const pair = await world.pair();
    const [broken, other] = side === "near" ? [pair.near, pair.far] : [pair.far, pair.near];
    const record = readAll(other);
    broken.write("half");
    broken.destroy();
    expect(await record).toMatchObject({ isEnded: false, error: { code: "operation.interrupted" } });
  });

  test("an answer that has ended is read to its end, also when its sender reads no more", async () => {
    const world = await joined();
    const { near, far } = await world.pair();
    const whole = randomBytes(200 * kibibyte);
    far.end(whole, () => far.destroy());
    await once(far, "close");
    near.write("that nobody reads");
    const { bytes, isEnded, error } = await readAll(near);
    expect([bytes.equals(whole), isEnded, error]).toEqual([true, true, undefined]);
    await expect.poll(() => near.destroyed).toBe(true);
  });

  test("lead inwards, to a port of the sandbox", async () => {
    const world = await joined({
      client: {
        serve: async (stream, { port }) => {
          if (port === 1) throw new Error("nobody listens on port 1");
          stream.end(`port ${port}`);
        },
      },
    });
    const stream = world.hub.openStream(sessionId, { port: 8080 });
    await once(stream, "connect");
    stream.end();
    expect((await readAll(stream)).bytes.toString()).toBe("port 8080");
    const refused = world.hub.openStream(sessionId, { port: 1 });
    expect((await readAll(refused)).error).toMatchObject({
      why: "nobody listens on port 1",
      context: { code: "stream.refused" },
    });
  });

  test("that the hub's owner refuses break off with the reason", async () => {
    const accept = async (): Promise<void> => {
      throw new Error("no such session");
    };
    const world = await joined({ hub: { accept } });
    expect((await readAll(world.client.openStream())).error).toMatchObject({ why: "no such session" });
  });

  test("that break off before anybody serves them harm nobody", async () => {
    let serve: (() => void) | undefined;
    const served: Duplex[] = [];
    const world = channelWorld({
      hub: {
        accept: async (stream) => {
          await new Promise<void>((fulfil) => {
            serve = fulfil;
          });
          served.push(stream);
        },
      },
    });
    worlds.push(world);
    const peer = new RawPeer(world);
    await peer.begin();
    peer.say(openProxy(1), encodeJson(frameTypes.reset, 1, { code: "stream.cancelled", message: "" }));
    peer.say(encodeFrame(frameTypes.ping, 0));
    await peer.heard(frameTypes.ack);
    serve?.();
    await expect.poll(() => served[0]?.destroyed).toBe(true);
  });
});

describe("flow control", () => {
  test("a stream that nobody reads holds back its writer alone", async () => {
    const world = await joined();
    const slow = await world.pair();
    const whole = randomBytes(4 * mebibyte);
    let written = 0;
    for (let place = 0; place < whole.length; place += 16 * kibibyte)
      slow.near.write(whole.subarray(place, place + 16 * kibibyte), () => (written += 16 * kibibyte));
    slow.near.end();
    const quick = await world.pair();
    const record = readAll(quick.far);
    quick.near.end(whole);
    expect((await record).bytes.equals(whole)).toBe(true);
    const window = channelLimits.windowBytes + channelLimits.extraWindowBytes;
    expect(written).toBeGreaterThan(channelLimits.windowBytes / 2);
    expect(written).toBeLessThanOrEqual(window + 64 * kibibyte);
    expect((await readAll(slow.far)).bytes.equals(whole)).toBe(true);
  });

  test("streams that send at once take turns", async () => {
    const world = await joined();
    const pairs = [await world.pair(), await world.pair(), await world.pair()];
    const records = pairs.map(async ({ far }) => readAll(far));
    world.carrier.cut();
    await expect.poll(() => world.losses()).toBe(1);
    for (const { near } of pairs) near.end(randomBytes(2 * mebibyte));
    await world.join();
    await Promise.all(records);
    const reader = new FrameReader(channelLimits.payloadBytes + 5);
    reader.push(Buffer.concat(world.carrier.passed.client));
    const order: number[] = [];
    for (let frame = reader.next(); frame !== undefined && order.length < 9; frame = reader.next())
      if (frame.type === frameTypes.data) order.push(frame.stream);
    expect(order).toEqual([1, 3, 5, 1, 3, 5, 1, 3, 5]);
  });

  test("no more is kept for an end that acknowledges nothing than the limit, and nothing is lost for it", async () => {
    const world = channelWorld();
    worlds.push(world);
    const peer = new RawPeer(world);
    await peer.begin();
    peer.say(openProxy(1), encodeU32(frameTypes.window, 1, 0x7fff_ffff));
    await expect.poll(() => world.incoming.length).toBe(1);
    const [far] = world.incoming as [Duplex];
    const whole = randomBytes(8 * mebibyte);
    far.end(whole);
    const data = (): Buffer =>
      Buffer.concat(peer.frames.filter(({ type }) => type === frameTypes.data).map(({ payload }) => payload));
    await expect.poll(() => data().length).toBe(mebibyte);
    let position = 0;
    let counted = 0;
    const acknowledge = (): boolean => {
      for (const { type, payload } of peer.frames.slice(counted)) if (type >= 0x10) position += payload.length + 9;
      counted = peer.frames.length;
      peer.say(encodeU64(frameTypes.ack, 0, position));
      return peer.frames.some(({ type }) => type === frameTypes.end);
    };
    await expect.poll(acknowledge, { interval: 1 }).toBe(true);
    expect(data().equals(whole)).toBe(true);
  });

  test("a stream too many is refused, and one that ends makes room", async () => {
    const world = channelWorld();
    worlds.push(world);
    const peer = new RawPeer(world);
    await peer.begin();
    for (let count = 0; count <= channelLimits.streams; count += 1) peer.say(openProxy(2 * count + 1));
    const reset = await peer.heard(frameTypes.reset);
    expect(reset.stream).toBe(2 * channelLimits.streams + 1);
    expect(readMessage(messages.reason, reset.payload).code).toBe("stream.limit");
    expect(world.incoming.length).toBe(channelLimits.streams);
    peer.say(encodeJson(frameTypes.reset, 1, { code: "stream.cancelled", message: "" }), openProxy(1001));
    await expect.poll(() => world.incoming.length).toBe(channelLimits.streams + 1);
  });
});
