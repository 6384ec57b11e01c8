import { chmod, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";

import { ClauderonError, InternalError } from "@clauderon/core/contract";
import { parseJson } from "@clauderon/core/host";

import type { ControlAnswer, ControlMethod, ControlMethods, ControlRequest } from "./control-protocol.ts";
import type { EventRing } from "./event-ring.ts";

/** The methods as the process implements them; `events` belongs to the connection. */
export type ControlHandlers = {
  readonly [Method in Exclude<ControlMethod, "events">]: (
    parameters: Parameters<ControlMethods[Method]>[0],
  ) => Promise<ReturnType<ControlMethods[Method]>>;
};

/** Listens for the daemon; the socket is the user's alone, which is the right to ask. */
export async function listenForControl(path: string, handlers: ControlHandlers, ring: EventRing): Promise<Server> {
  const server = createServer((socket) => serve(socket, handlers, ring));
  await rm(path, { force: true });
  await new Promise<void>((fulfil, fail) => {
    server.once("error", fail);
    server.listen(path, fulfil);
  });
  await chmod(path, 0o600);
  return server;
}

function serve(socket: Socket, handlers: ControlHandlers, ring: EventRing): void {
  let leave: (() => void) | undefined;
  socket.on("error", () => socket.destroy());
  socket.on("close", () => leave?.());
  const lines = createInterface({ input: socket });
  // The socket's own end tells.
  lines.on("error", () => undefined);
  lines.on("line", (line) => {
    const request = read(line);
    if (request === undefined) {
      socket.destroy();
      return;
    }
    if (request.method === "events") {
      send(socket, { id: request.id, result: { latest: ring.latest } });
      const { since } = request.parameters as Parameters<ControlMethods["events"]>[0];
      leave = ring.follow(since, (event) => socket.write(`${JSON.stringify(event)}\n`));
      return;
    }
    void answer(request, handlers).then((result) => send(socket, result));
  });
}

/** A line that is not JSON comes from no program of ours. */
function read(line: string): ControlRequest | undefined {
  try {
    return parseJson(line, "the control socket") as ControlRequest;
  } catch {
    // See above.
    return undefined;
  }
}

async function answer({ id, method, parameters }: ControlRequest, handlers: ControlHandlers): Promise<ControlAnswer> {
  const handle = handlers[method as keyof ControlHandlers] as (value: unknown) => Promise<unknown>;
  try {
    return { id, result: await handle(parameters) };
  } catch (error) {
    return { id, error: (ClauderonError.isInstance(error) ? error : new InternalError(error)).toJSON() };
  }
}

function send(socket: Socket, message: ControlAnswer): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}
