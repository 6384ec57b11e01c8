import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { readUntil, tlsThrough } from "../transport/testing/test-proxy.fixture.ts";
import type { ControlEvent } from "./control-protocol.ts";
import { proxyProcessPaths } from "./proxy-process-paths.ts";
import { openProxyWorld, worldTarget, type ProxyWorld } from "./testing/proxy-world.fixture.ts";

const longMs = 180_000;
/** More than are kept. */
const toolCount = 15_000;
const kept = 10_000;

let world: ProxyWorld;

beforeEach(async () => {
  world = await openProxyWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const tool = (index: number): string => {
  const block = { type: "tool_use", id: `t${index}`, name: `Tool${index}`, input: {} };
  const data = JSON.stringify({ type: "content_block_start", index, content_block: block });
  return `event: content_block_start\ndata: ${data}\n\n`;
};
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

/** One answer with so many tool uses, read to its end. */
async function ask(): Promise<string> {
  world.gateway.respond = ({ socket, text }) => {
    if (!text.endsWith('"stream":true}')) return;
    socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (let index = 0; index < toolCount; index += 1) socket.write(chunk(tool(index)));
    socket.write("0\r\n\r\n");
  };
  const way = await world.access();
  const tls = await tlsThrough(way, { target: worldTarget });
  const read = readUntil(tls, (text) => text.endsWith("\r\n0\r\n\r\n"));
  const body = '{"model":"m","tools":[{"name":"x"}],"messages":[],"stream":true}';
  tls.write(
    `POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nX-Api-Key: placeholder\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const { text } = await read;
  tls.destroy();
  return text;
}

/** Asks for events and takes none of them. */
async function followWithoutReading(): Promise<Socket> {
  const socket = connect(proxyProcessPaths(world.home).controlSocket);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.pause();
  socket.write(`${JSON.stringify({ id: 1, method: "events", parameters: { since: 0 } })}\n`);
  return socket;
}

async function take(count: number, events: AsyncIterable<ControlEvent>): Promise<readonly ControlEvent[]> {
  const taken: ControlEvent[] = [];
  for await (const event of events) if (taken.push(event) === count) break;
  return taken;
}

describe("more than anybody stores", () => {
  it(
    "A9 holds up no answer, is kept up to a bound, and what was given up is told to whoever comes",
    async () => {
      const stuck = await followWithoutReading();
      const text = await ask();
      const body = text.slice(text.indexOf("\r\n\r\n") + 2).replaceAll(/\r\n[0-9a-f]+\r\n/gu, "");
      expect(body).toBe(`${Array.from({ length: toolCount }, (_, index) => tool(index)).join("")}\r\n`);
      const { epoch, latest, lost, events } = await world.client.follow();
      expect(latest).toBeGreaterThan(toolCount);
      expect(lost).toBeGreaterThanOrEqual(latest - kept * 1.1);
      expect(lost).toBeLessThan(latest);
      const taken = await take(latest - lost, events);
      expect(taken.map(({ sequence }) => sequence)).toEqual(taken.map((_, index) => lost + 1 + index));
      // The one who took none is sent away once what it needs next is gone.
      stuck.resume();
      if (!stuck.destroyed) await once(stuck, "close");

      // Stored elsewhere, they are not kept, and are no loss.
      await world.client.call("acknowledge", { epoch, sequence: latest });
      await world.client.call("acknowledge", { epoch: "another", sequence: latest + 5 });
      const again = await world.client.follow({ since: 0 });
      expect(again.lost).toBe(0);
      await ask();
      const [next] = await take(1, again.events);
      expect(next?.sequence).toBe(latest + 1);
    },
    longMs,
  );
});
