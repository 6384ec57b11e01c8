import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

import { afterEach, expect, test } from "vitest";

import { KeeperConnection } from "./keeper-client.ts";
import { type KeeperRequest, receiveLines, sendLine } from "./keeper-protocol.ts";
import { openKeeperTerminal } from "./keeper-terminal.ts";

let server: Server | undefined;
afterEach(() => {
  server?.close();
});

/** A keeper that does with its viewer what the test says. */
async function scriptedKeeper(
  answer: (request: KeeperRequest, sockets: { readonly control: Socket; readonly events: Socket }) => Promise<void>,
): Promise<() => Promise<KeeperConnection>> {
  let events: Socket | undefined;
  const serve = async (socket: Socket): Promise<void> => {
    let isGreeted = false;
    for await (const line of receiveLines(socket)) {
      if (!isGreeted) {
        isGreeted = true;
        continue;
      }
      const request = line as KeeperRequest;
      if (request.do === "attach") {
        events = socket;
        sendLine(socket, { event: "attached", viewerId: 1 });
      } else if (events !== undefined) await answer(request, { control: socket, events });
    }
  };
  server = createServer((socket) => {
    // The viewer closes its connections when it wants.
    serve(socket).catch(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return () => KeeperConnection.open({ processId: process.pid, port, token: "token" });
}

test("input that ends the agent was handed over, even when the end is told before the answer", async () => {
  const open = await scriptedKeeper(async (_request, { control, events }) => {
    const closed = once(events, "close");
    sendLine(events, { event: "end", exit: { exitCode: 3, isTimedOut: false } });
    events.end();
    // The viewer has read the end by then.
    await closed;
    sendLine(control, { result: null });
  });
  await using terminal = await openKeeperTerminal(open);
  await terminal.input(Uint8Array.of(3));
  expect(await terminal.ended).toEqual({ exitCode: 3, isTimedOut: false });
  await expect(terminal.input(Uint8Array.of(3))).rejects.toMatchObject({ code: "agent.ended" });
});

test("input to a keeper that dies with it rejects", async () => {
  const open = await scriptedKeeper(async (_request, { control, events }) => {
    events.destroy();
    control.destroy();
  });
  await using terminal = await openKeeperTerminal(open);
  await expect(terminal.input(Uint8Array.of(3))).rejects.toMatchObject({ code: "agent.ended" });
});

test("input whose answer has not come rejects when the viewer closes", async () => {
  const asked = Promise.withResolvers<void>();
  const open = await scriptedKeeper(async () => asked.resolve());
  const terminal = await openKeeperTerminal(open);
  const input = terminal.input(Uint8Array.of(3));
  await asked.promise;
  await Promise.all([terminal.close(), expect(input).rejects.toMatchObject({ code: "agent.ended" })]);
});
