import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";

import { afterEach, beforeEach, expect, it } from "vitest";

import { createCarrierClient, type CarrierClient } from "../carrier/create-carrier-client.ts";
import { upstreamAuthority } from "../transport/testing/recording-upstream.fixture.ts";
import { openCarrier } from "./open-carrier.ts";
import { openProxyWorld, type ProxyWorld } from "./testing/proxy-world.fixture.ts";

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

/** Lets the session reach the upstream itself. */
async function allow(more = ""): Promise<void> {
  await world.configure(`allow = ["127.0.0.1:${world.gateway.port}"]\n${more}`);
  await world.client.call("reload", {});
  await world.access();
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
  const target = `127.0.0.1:${world.gateway.port}`;
  stream.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`);
  await expect.poll(() => heard.text, { timeout: 20_000 }).toMatch(/^HTTP\/1.1 200 /u);
  heard.text = "";
  return { stream, heard };
}

it("A1 within the time for resumption no byte is lost: what was said on either side meanwhile arrives", async () => {
  await allow();
  const carrier = await join();
  const { stream } = await openTunnel();
  const socket = connectTls({ socket: stream, ca: upstreamAuthority.certificatePem, servername: "localhost" });
  const talk = { text: "" };
  socket.on("data", (chunk: Buffer) => {
    talk.text += chunk.toString("latin1");
  });
  world.gateway.respond = ({ socket: upstream }, chunk) => upstream.write(chunk);
  socket.write("first ");
  await expect.poll(() => talk.text, { timeout: 20_000 }).toBe("first ");
  carrier.destroy();
  await lost;
  socket.write("second ");
  world.gateway.connections.at(-1)?.socket.write("<said by the upstream>");
  await join();
  await expect.poll(() => talk.text, { timeout: 20_000 }).toContain("upstream>");
  socket.end("third");
  await expect
    .poll(() => talk.text.replace("<said by the upstream>", ""), { timeout: 20_000 })
    .toBe("first second third");
});

it("A1 after it every stream ends with an error that the client sees, never cleanly; the next carrier begins anew", async () => {
  await allow("carrier_resume_seconds = 0.4");
  const carrier = await join();
  const { stream, heard } = await openTunnel();
  const before = world.gateway.connections.length;
  carrier.destroy();
  expect(await heard.end).toContain("channel of the sandbox has ended");
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
  const problem = await world.client.call("reload", {}).catch((error: unknown) => JSON.stringify(error));
  expect(problem).toMatch(/settings\.invalid.*from 0\.1 to 3600/u);
});
