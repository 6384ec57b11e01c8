import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";

import { afterEach, beforeEach, expect, it } from "vitest";

import { createCarrierClient } from "../carrier/create-carrier-client.ts";
import { identity } from "../transport/testing/test-proxy.fixture.ts";
import type { ProxyClient } from "./proxy-client.ts";
import { keptChannel } from "./proxy-state.ts";
import { openProxyWorld, worldTarget, type ProxyWorld } from "./testing/proxy-world.fixture.ts";

let world: ProxyWorld;
let directory: string;

beforeEach(async () => {
  world = await openProxyWorld();
  directory = join(world.root, "channel");
  await mkdir(directory);
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

async function admit(client: ProxyClient, sessionId: string, place = directory): Promise<void> {
  await client.call("add", { identity: identity(sessionId), channelDirectory: place });
}

async function dial(place = directory): Promise<Socket> {
  const socket = connect(join(place, "proxy.sock"));
  await once(socket, "connect");
  return socket;
}

/** A tunnel over the carrier, and how it ends. */
async function tunnel(carrier: Socket): Promise<{ readonly stream: Duplex; readonly end: Promise<string> }> {
  const client = createCarrierClient();
  await client.attach(carrier);
  const stream = client.openStream();
  stream.write(`CONNECT ${worldTarget} HTTP/1.1\r\nhost: ${worldTarget}\r\n\r\n`);
  await once(stream, "readable");
  expect(String(stream.read())).toContain("200 Connection Established");
  stream.resume();
  const end = new Promise<string>((fulfil) => {
    stream.once("end", () => fulfil("end"));
    stream.once("error", (error: Error) => fulfil(error.message));
  });
  return { stream, end };
}

it("is the session's way in, also to the process after this one, until the session is removed", async () => {
  await admit(world.client, "s1");
  expect((await stat(join(directory, "proxy.sock"))).mode & 0o777).toBe(0o666);
  const { port } = await world.client.call("status", {});
  expect(await keptChannel(world.home, "s1")).toEqual({ directory, port });
  expect(await keptChannel(world.home, "constructor")).toBeUndefined();
  const first = await tunnel(await dial());
  await world.client.call("stop", { whenIdle: false });
  expect(await first.end).not.toBe("end");
  await world.client.ended;
  await using next = await world.start();
  const second = await tunnel(await dial());
  expect(await next.call("remove", { sessionId: "s1" })).toBe(true);
  expect(await second.end).toContain("has ended");
  expect(existsSync(join(directory, "proxy.sock"))).toBe(false);
  expect(await keptChannel(world.home, "s1")).toBeUndefined();
});

it("leaves nothing of a channel of before when the session is admitted anew", async () => {
  await admit(world.client, "s1");
  const first = await tunnel(await dial());
  await admit(world.client, "s1");
  expect(await first.end).not.toBe("end");
  await tunnel(await dial());
});

it("comes with the certificates that hold now, also after a rotation, and after one that happened without it", async () => {
  await admit(world.client, "s1");
  const { bundlePath } = await world.client.call("status", {});
  const given = async (): Promise<string> => readFile(join(directory, "proxy-ca.pem"), "utf8");
  await world.client.call("rotateAuthority", {});
  const rotated = await readFile(bundlePath, "utf8");
  expect(await given()).toBe(rotated);
  expect((await stat(join(directory, "proxy-ca.pem"))).mode & 0o777).toBe(0o644);
  await world.client.call("stop", { whenIdle: false });
  await world.client.ended;
  await writeFile(join(directory, "proxy-ca.pem"), "of before");
  await using _next = await world.start();
  expect(await given()).toBe(rotated);
});

it("lies at the end of any path", async () => {
  const deep = join(directory, "d".repeat(80), "e".repeat(80));
  await mkdir(deep, { recursive: true });
  await admit(world.client, "s1", deep);
  expect((await stat(join(deep, "proxy.sock"))).isSocket()).toBe(true);
  // Nobody can name it whole: a short way leads there.
  await world.client.call("remove", { sessionId: "s1" });
  expect(existsSync(join(deep, "proxy.sock"))).toBe(false);
});

it("of one session that is gone keeps no other one from the proxy", async () => {
  await admit(world.client, "s1");
  const other = join(world.root, "other");
  await mkdir(other);
  await admit(world.client, "s2", other);
  await world.client.call("stop", { whenIdle: false });
  await world.client.ended;
  await rm(directory, { recursive: true });
  await using next = await world.start();
  await tunnel(await dial(other));
  await expect(admit(next, "s1")).rejects.toMatchObject({
    code: "daemon.unreachable",
    message: expect.stringContaining("cannot listen"),
  });
  expect(await world.log()).toContain("a session's channel is closed");
});
