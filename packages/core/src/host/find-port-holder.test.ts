import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { describePortHolder, findPortHolder } from "./find-port-holder.ts";

test.skipIf(!existsSync("/proc/net/tcp"))(
  "a port is held by who listens there, or by a connection's own end",
  async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = connect(port, "127.0.0.1");
    await once(client, "connect");
    const own = { processId: process.pid, program: expect.any(String) as string };
    expect(await findPortHolder(port)).toEqual({ ...own, isListening: true });
    expect(await findPortHolder(client.localPort ?? 0)).toEqual({ ...own, isListening: false });
    client.destroy();
    server.close();
    await once(server, "close");
    await expect.poll(async () => findPortHolder(port), { timeout: 20_000 }).toBeUndefined();
  },
);

test("who it is, in words", () => {
  expect(describePortHolder({ processId: 7, program: "node", isListening: true })).toBe(
    "process 7 (node) listens there",
  );
  expect(describePortHolder({ processId: 7, isListening: false })).toBe("a connection of process 7 uses it");
  expect(describePortHolder({ isListening: true })).toBe("another user's process listens there");
  expect(describePortHolder(undefined)).toBe("another program uses it");
});
