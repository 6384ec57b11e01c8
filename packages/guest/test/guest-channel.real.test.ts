import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";

import { createCarrierHub, type AcceptedCarrier } from "@clauderon/proxy";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { carryOver } from "./greet-guest.ts";
import { hubOnSocket, sessionId, type HubOnSocket } from "./hub-on-socket.ts";
import { buildGuest, hasGo, type BuiltGuest } from "./required-go.ts";
import { runGuest, type RunningGuest } from "./run-guest.ts";

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, "close");
  return port;
}

const echo = async (stream: Duplex): Promise<void> => {
  stream.on("error", () => undefined);
  stream.pipe(stream);
};

describe.runIf(hasGo("the guest's channel to a real hub"))("the guest's channel", { timeout: 120_000 }, () => {
  let built: BuiltGuest;
  let port = 0;
  const open: AsyncDisposable[] = [];
  beforeAll(() => {
    built = buildGuest();
  });
  afterAll(() => built[Symbol.dispose]());
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  });

  const startGuest = async (args: readonly string[] = [], directory?: string): Promise<RunningGuest> => {
    port = await freePort();
    const guest = await runGuest(built.program, ["--proxy-port", String(port), ...args], directory);
    open.push(guest);
    return guest;
  };
  const startWorld = async (
    accept: (stream: Duplex) => Promise<void>,
    settings: Parameters<typeof hubOnSocket>[2] = {},
  ): Promise<HubOnSocket> => {
    const directory = mkdtempSync(join(tmpdir(), "clauderon-guest-"));
    const world = await hubOnSocket(directory, accept, settings);
    open.push(world);
    await startGuest(["--channel-socket", world.path], directory);
    return world;
  };
  const client = async (): Promise<Socket> => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  };
  const roundTrip = async (bytes: Uint8Array): Promise<string> => {
    const socket = await client();
    const answer = buffer(socket);
    socket.end(bytes);
    return digest(await answer);
  };

  test("connections to the proxy's port come out at the hub, both directions whole and ended by themselves", async () => {
    await startWorld(echo);
    const bytes = randomBytes(3_000_000);
    expect(await Promise.all(Array.from({ length: 8 }, () => roundTrip(bytes)))).toEqual(Array(8).fill(digest(bytes)));
    expect(await roundTrip(new Uint8Array())).toBe(digest(new Uint8Array()));
  });

  test("a carrier that dies at any byte costs nothing", async () => {
    const world = await startWorld(echo);
    const bytes = randomBytes(300);
    expect(await roundTrip(bytes)).toBe(digest(bytes));
    for (let cut = 1; cut <= 1600; cut += 23) {
      world.cuts.push(cut, Math.max(1, 1600 - cut));
      world.carriers.at(-1)?.destroy();
      const all = await Promise.all([roundTrip(bytes), roundTrip(bytes), roundTrip(new Uint8Array())]);
      expect(all).toEqual([digest(bytes), digest(bytes), digest(new Uint8Array())]);
    }
    expect(world.carriers.length).toBeGreaterThan(100);
  });

  test("a flood in both directions survives carriers that are cut all the time", async () => {
    const world = await startWorld(echo);
    world.cuts.push(...Array.from({ length: 30 }, (_, index) => 50_000 + index * 37_123));
    const bytes = randomBytes(6_000_000);
    await expect.poll(() => world.carriers.length, { timeout: 20_000 }).toBe(1);
    world.carriers[0]?.destroy();
    expect(await Promise.all(Array.from({ length: 4 }, () => roundTrip(bytes)))).toEqual(Array(4).fill(digest(bytes)));
    expect(world.cuts).toEqual([]);
  });

  test("a stream that the proxy breaks off is a reset for the program, and a program's reset one for the proxy", async () => {
    const streams: Duplex[] = [];
    await startWorld(async (stream) => {
      stream.on("error", () => undefined);
      streams.push(stream);
    });
    const broken = await client();
    broken.write("hi");
    await expect.poll(() => streams.length, { timeout: 20_000 }).toBe(1);
    const failed = once(broken, "error");
    streams[0]?.destroy();
    expect((await failed)[0]).toMatchObject({ code: "ECONNRESET" });
    const breaking = await client();
    breaking.write("hi");
    await expect.poll(() => streams.length, { timeout: 20_000 }).toBe(2);
    breaking.resetAndDestroy();
    await expect.poll(() => streams[1]?.destroyed, { timeout: 20_000 }).toBe(true);
  });

  test("after the time for resumption connections are reset, and new ones go over a new channel", async () => {
    const seen: Duplex[] = [];
    const world = await startWorld(
      async (stream) => {
        seen.push(stream);
        await echo(stream);
      },
      { times: { resumeMs: 300 } },
    );
    const held = await client();
    held.write("held");
    await once(held, "data");
    const failed = once(held, "error");
    world.hub.closeSession(sessionId);
    expect((await failed)[0]).toMatchObject({ code: "ECONNRESET" });
    expect(await roundTrip(Buffer.from("again"))).toBe(digest(Buffer.from("again")));
    expect(seen.length).toBe(2);
  });

  test("more connections than a channel has streams get a readable refusal", async () => {
    await startWorld(echo);
    const held = await Promise.all(Array.from({ length: 256 }, client));
    for (const socket of held) socket.write("x");
    await Promise.all(held.map(async (socket) => once(socket, "data")));
    const answer = await text(await client());
    expect(answer).toContain("503 Service Unavailable");
    expect(answer).toContain("256 streams");
    for (const socket of held) socket.destroy();
  });

  test("a connection that has proved the key can carry the channel, and another takes over", async () => {
    const guest = await startGuest();
    const hub = createCarrierHub({ accept: echo });
    open.push(hub);
    const accept = async (carrier: Socket): Promise<AcceptedCarrier> => {
      const accepted = hub.acceptCarrier(carrier, sessionId);
      carrier.resume();
      return accepted;
    };
    const first = await carryOver(guest);
    expect(await accept(first)).toMatchObject({ isResumed: false });
    const held = await client();
    held.write("one ");
    await once(held, "data");
    expect(await accept(await carryOver(guest))).toMatchObject({ isResumed: true });
    await expect.poll(() => first.destroyed, { timeout: 20_000 }).toBe(true);
    held.end("two");
    expect(await text(held)).toBe("two");
  });

  test("the hub reaches ports of the sandbox's loopback, but not the proxy's own", async () => {
    const world = await startWorld(echo);
    const server = createServer((socket) => socket.end("from inside"));
    const inner = await listening(server);
    expect(await roundTrip(Buffer.from("ready"))).toBe(digest(Buffer.from("ready")));
    const stream = world.hub.openStream(sessionId, { port: inner });
    stream.end();
    expect(await text(stream)).toBe("from inside");
    for (const refused of [port, await freePort()])
      await expect(text(world.hub.openStream(sessionId, { port: refused }))).rejects.toThrow("broke the stream off");
    server.close();
  });
});
