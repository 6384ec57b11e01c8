import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { afterEach, beforeEach, expect, it } from "vitest";

import { createCarrierClient, type CarrierClient } from "../carrier/create-carrier-client.ts";
import { openCarrier } from "./open-carrier.ts";
import { openProxyWorld, worldTarget, type ProxyWorld } from "./testing/proxy-world.fixture.ts";

let world: ProxyWorld;
let client: CarrierClient;
let lost: Promise<void>;
let losses: () => void;

beforeEach(async () => {
  world = await openProxyWorld();
  ({ promise: lost, resolve: losses } = Promise.withResolvers<void>());
  client = createCarrierClient({ onLost: () => losses() });
});
afterEach(async () => {
  await client.close();
  await world[Symbol.asyncDispose]();
});

async function join(): Promise<Socket> {
  const carrier = await openCarrier(world.home, "s1");
  await client.attach(carrier);
  return carrier;
}

interface Heard {
  text: string;
  /** `end` = cleanly; else what was wrong. */
  readonly end: Promise<string>;
}

/** A blind tunnel to the upstream, over the proxy's process. */
async function openTunnel(): Promise<{ readonly stream: Duplex; readonly heard: Heard }> {
  const stream = client.openStream();
  const end = new Promise<string>((fulfil) => {
    stream.once("end", () => fulfil("end"));
    stream.once("error", (error: Error) => fulfil(error.message));
  });
  const heard: Heard = { text: "", end };
  stream.on("data", (chunk: Buffer) => {
    heard.text += chunk.toString("latin1");
  });
  const target = `localhost:${world.gateway.port}`;
  stream.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`);
  await expect.poll(() => heard.text, { timeout: 20_000 }).toMatch(/^HTTP\/1.1 200 /u);
  heard.text = "";
  return { stream, heard };
}

it("A1 within the time for resumption no byte is lost: what was said on either side meanwhile arrives", async () => {
  await world.access();
  const carrier = await join();
  const { stream, heard } = await openTunnel();
  carrier.destroy();
  await lost;
  stream.write("not TLS, said while nobody carried it");
  await join();
  // The upstream's answer to that is an alert of TLS and its end: both come over the second carrier.
  expect(await heard.end).toBe("end");
  expect(heard.text).toMatch(/^\u0015\u0003/u);
});

it("A1 after it every stream ends with an error that the client sees, never cleanly; the next carrier begins anew", async () => {
  await world.configure("carrier_resume_seconds = 0.4");
  await world.client.call("reload", {});
  await world.access();
  const carrier = await join();
  const { stream, heard } = await openTunnel();
  const before = world.gateway.connections.length;
  carrier.destroy();
  expect(await heard.end).toMatch(/carrier was lost and none came back within 0.4 s/u);
  expect(stream.readableEnded).toBe(false);
  // The proxy's end waited no longer either.
  await expect.poll(() => world.gateway.connections.every(({ isClosed }) => isClosed), { timeout: 20_000 }).toBe(true);
  expect(world.gateway.connections).toHaveLength(before);
  const next = await join();
  const { heard: fresh } = await openTunnel();
  expect(fresh.text).toBe("");
  next.destroy();
});

it("says what the setting takes", async () => {
  await world.configure("carrier_resume_seconds = 0");
  await expect(world.client.call("reload", {})).rejects.toMatchObject({
    code: "settings.invalid",
    fix: [expect.stringContaining("0.1 to 3600")],
  });
});
