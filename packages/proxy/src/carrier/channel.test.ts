import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Duplex } from "node:stream";

import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";

import { encodeFrame, encodeJson, encodeU32, encodeU64, FrameReader, type ChannelFrame } from "./channel-frame.ts";
import { makeProof } from "./channel-proof.ts";
import { channelLimits, frameTypes, messages, readMessage } from "./channel-protocol.ts";
import { SendLog } from "./send-log.ts";
import { channelWorld, readAll, readBytes, sessionId, type ChannelWorld } from "./testing/channel-world.fixture.ts";
import { cutCarrier } from "./testing/cut-carrier.fixture.ts";

const kibibyte = 1024;
const mebibyte = kibibyte * kibibyte;
const nonce = "ab".repeat(32);
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

/** A client that speaks by hand. */
class RawPeer {
  readonly carrier = cutCarrier();
  readonly frames: ChannelFrame[] = [];
  readonly accepted: Promise<unknown>;
  readonly #reader = new FrameReader(channelLimits.payloadBytes + 5);
  #heard: () => void = () => undefined;

  constructor(world: ChannelWorld, session: string = sessionId) {
    this.accepted = world.hub.acceptCarrier(this.carrier.hub, session).catch((error: unknown) => error);
    this.carrier.client.on("error", () => undefined).on("close", () => this.#heard());
    this.carrier.client.on("data", (bytes: Buffer) => {
      this.#reader.push(bytes);
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) this.frames.push(frame);
      this.#heard();
    });
  }

  say(...frames: readonly Buffer[]): void {
    for (const frame of frames) this.carrier.client.write(frame);
  }

  hello(channel?: string): void {
    this.say(encodeJson(frameTypes.hello, 0, { protocols: [1], nonce, channel }));
  }

  /** The first frame of the type that came or comes. */
  async heard(type: number): Promise<ChannelFrame> {
    for (;;) {
      const found = this.frames.find((frame) => frame.type === type);
      if (found !== undefined) return found;
      if (this.carrier.client.destroyed) throw new Error(`the carrier closed before a frame of type ${type}`);
      await new Promise<void>((fulfil) => {
        this.#heard = fulfil;
      });
    }
  }

  async begin(): Promise<{ readonly channel: string; readonly key: string }> {
    this.hello();
    const { channel = "", key = "" } = readMessage(messages.welcome, (await this.heard(frameTypes.welcome)).payload);
    return { channel, key };
  }

  async failure(): Promise<string> {
    return readMessage(messages.reason, (await this.heard(frameTypes.failure)).payload).code;
  }
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
    await expect.poll(acknowledge, { interval: 1, timeout: 10_000 }).toBe(true);
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
