import { once } from "node:events";
import type { Duplex } from "node:stream";

import fc from "fast-check";
import { expect, test } from "vitest";

import { channelWorld, readAll, sessionId } from "./testing/channel-world.fixture.ts";
import { cutCarrier } from "./testing/cut-carrier.fixture.ts";

interface Talk {
  /** Pieces from the client, and the answer's. */
  readonly ask: readonly number[];
  readonly answer: readonly number[];
}

/** Bytes that tell their stream, direction and place. */
function bytesOf(seed: number, pieces: readonly number[]): Buffer[] {
  let place = seed * 7919;
  return pieces.map((size) => Buffer.from(Array.from({ length: size }, () => (place += 31) & 0xff)));
}

async function say(stream: Duplex, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) if (!stream.write(piece)) await once(stream, "drain");
  stream.end();
}

/** Runs the talks, each on its stream, over carriers that die after so many bytes; the last lives. Gives how many bytes the first carried. */
async function talk(talks: readonly Talk[], cuts: readonly number[]): Promise<number> {
  const heard: Promise<Buffer>[] = [];
  const failures: unknown[] = [];
  await using world = channelWorld({
    hub: {
      accept: async (stream) => {
        const index = heard.length;
        const read = readAll(stream);
        heard.push(
          read.then(({ bytes, isEnded, error }) => {
            if (!isEnded || error !== undefined) failures.push(error ?? "no end at the hub");
            return bytes;
          }),
        );
        say(stream, bytesOf(index + 100, talks[index]?.answer ?? [])).catch((error: unknown) => failures.push(error));
      },
    },
    client: { onLost: () => void rejoin() },
  });
  const left = [...cuts];
  let first: (() => number) | undefined;
  const rejoin = async (): Promise<void> => {
    for (;;) {
      const joined = world.join(left.shift());
      first ??= world.carrier.passedBytes;
      try {
        await joined;
        return;
      } catch {
        // Cut before the welcome: the next carrier comes.
      }
    }
  };
  const answers = talks.map(async ({ ask }, index) => {
    const stream = world.client.openStream();
    const answer = readAll(stream);
    await say(stream, bytesOf(index, ask));
    return answer;
  });
  await rejoin();
  const answered = await Promise.all(answers);
  expect(heard.length).toBe(talks.length);
  const asked = await Promise.all(heard);
  for (const [index, { ask, answer }] of talks.entries()) {
    expect(answered[index]?.error).toBeUndefined();
    expect(answered[index]?.isEnded).toBe(true);
    expect(answered[index]?.bytes.equals(Buffer.concat(bytesOf(index + 100, answer)))).toBe(true);
    expect(asked[index]?.equals(Buffer.concat(bytesOf(index, ask)))).toBe(true);
  }
  expect(failures).toEqual([]);
  return first?.() ?? 0;
}

test("a carrier that dies at any byte costs nothing", { timeout: 120_000 }, async () => {
  const talks: Talk[] = [
    { ask: [5, 60], answer: [100, 1] },
    { ask: [], answer: [40] },
    { ask: [33, 0, 12], answer: [] },
  ];
  const total = await talk(talks, []);
  expect(total).toBeGreaterThan(600);
  for (let cut = 0; cut <= total; cut += 1) await talk(talks, [cut]);
});

test("a carrier that takes over and dies at any byte costs nothing", { timeout: 120_000 }, async () => {
  const talks: Talk[] = [
    { ask: [20], answer: [30, 30] },
    { ask: [1, 1, 1], answer: [9] },
  ];
  for (let cut = 0; cut <= 1200; cut += 1) await talk(talks, [500, cut]);
});

const size = fc.oneof({ maxLength: 0, arbitrary: fc.nat(300), weight: 8 }, { arbitrary: fc.nat(200_000), weight: 1 });
const anyTalk = fc.record({ ask: fc.array(size, { maxLength: 6 }), answer: fc.array(size, { maxLength: 6 }) });

test("any traffic over carriers that die anywhere arrives whole, once and in order", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyTalk, { minLength: 1, maxLength: 5 }),
      fc.array(fc.oneof(fc.nat(2000), fc.nat(300_000)), { maxLength: 8 }),
      async (talks, cuts) => {
        await talk(talks, cuts);
      },
    ),
    { numRuns: 60 },
  );
});

test("after the time for resumption every stream ends with an error at both ends, never cleanly", async () => {
  await using world = channelWorld({ hub: { times: { resumeMs: 60 } } });
  await world.join();
  const { near, far } = await world.pair();
  const ends = [readAll(near), readAll(far)];
  near.write("unfinished");
  far.write("unfinished");
  world.carrier.cut();
  for (const { isEnded, error } of await Promise.all(ends)) {
    expect(isEnded).toBe(false);
    expect(error?.message).toContain("ended");
  }
  await expect(async () => world.hub.openStream(sessionId, { port: 1 })).rejects.toThrow("no channel");
  // The next carrier begins a new channel.
  await world.join();
  const fresh = await world.pair();
  const heard = readAll(fresh.far);
  fresh.near.end("again");
  expect((await heard).bytes.toString()).toBe("again");
});

test("a client that comes too late is told so, and its streams break off", async () => {
  await using world = channelWorld({ hub: { times: { resumeMs: 60_000 } } });
  await world.join();
  const { near } = await world.pair();
  const end = readAll(near);
  world.carrier.cut();
  await expect.poll(() => world.losses()).toBe(1);
  world.hub.closeSession(sessionId);
  await expect(world.join()).rejects.toThrow("did not lead to the channel");
  expect(await end).toMatchObject({ isEnded: false, error: { context: { code: "channel.unknown" } } });
});

test("a new carrier takes over from one that seems alive", async () => {
  await using world = channelWorld();
  await world.join();
  const { near, far } = await world.pair();
  const heard = readAll(far);
  near.write("one ");
  const before = world.carrier;
  await world.join();
  near.end("two");
  expect((await heard).bytes.toString()).toBe("one two");
  await expect.poll(() => before.hub.destroyed).toBe(true);
});

test("what the older carrier still brings while a new one greets comes once", async () => {
  await using world = channelWorld();
  await world.join();
  const { near, far } = await world.pair();
  const heard = readAll(near);
  const carrier = cutCarrier();
  const accepted = world.hub.acceptCarrier(carrier.hub, sessionId);
  let written = "";
  // At the hello and at the proof, before the hub has looked at either.
  carrier.hub.on("data", () => {
    written += "x";
    far.write("x");
  });
  await world.client.attach(carrier.client);
  await accepted;
  far.end("end");
  expect(written.length).toBeGreaterThan(1);
  expect((await heard).bytes.toString()).toBe(`${written}end`);
});

test("of carriers that come at once the last one carries, at the beginning and later", async () => {
  await using world = channelWorld();
  for (let round = 0; round < 3; round += 1) {
    const all = await Promise.allSettled([world.join(), world.join(), world.join()]);
    expect(all.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  }
  const { near, far } = await world.pair();
  const heard = readAll(far);
  near.write("one ");
  const some = Promise.allSettled([world.join(), world.join()]);
  near.end("two");
  expect((await some)[1].status).toBe("fulfilled");
  expect((await heard).bytes.toString()).toBe("one two");
});

test("a carrier on which nothing comes any more is given up, one that is only quiet is not", async () => {
  await using world = channelWorld({ client: { times: { pingMs: 20 } }, hub: { times: { pingMs: 3_600_000 } } });
  await world.join();
  const pings = (): number =>
    Buffer.concat(world.carrier.passed.client).toString("hex").split("000000050700000000").length;
  await expect.poll(pings).toBeGreaterThan(8);
  expect(world.losses()).toBe(0);
  const carrier = cutCarrier();
  // Swallows what comes: a connection that is dead without saying so.
  carrier.hub.resume();
  await expect(world.client.attach(carrier.client)).rejects.toMatchObject({
    why: "The carrier was lost before the welcome",
  });
});
