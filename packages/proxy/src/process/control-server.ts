import { chmod, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";

import { ClauderonError, InternalError, RequestError } from "@clauderon/core/contract";
import { parseJson } from "@clauderon/core/host";

import type { ControlAnswer, ControlMethod, ControlMethods, ControlRequest } from "./control-protocol.ts";
import type { EventBacklog, Follower } from "./event-backlog.ts";

/** The methods as the process implements them; `events` belongs to the connection. */
export type ControlHandlers = {
  readonly [Method in Exclude<ControlMethod, "events">]: (
    parameters: Parameters<ControlMethods[Method]>[0],
  ) => Promise<ReturnType<ControlMethods[Method]>>;
};

/** Listens for the daemon; the socket is the user's alone, which is the right to ask. */
export async function listenForControl(
  path: string,
  handlers: ControlHandlers,
  backlog: EventBacklog,
): Promise<Server> {
  const server = createServer((socket) => serve(socket, handlers, backlog));
  await rm(path, { force: true });
  await new Promise<void>((fulfil, fail) => {
    server.once("error", fail);
    server.listen(path, fulfil);
  });
  await chmod(path, 0o600);
  return server;
}

function serve(socket: Socket, handlers: ControlHandlers, backlog: EventBacklog): void {
  let follower: Follower | undefined;
  socket.on("error", () => socket.destroy());
  socket.on("close", () => follower?.leave());
  socket.on("drain", () => follower?.resume());
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
      follower?.leave();
      follower = backlog.follow({
        from: request.parameters as Parameters<ControlMethods["events"]>[0],
        write: (event) => socket.write(`${JSON.stringify(event)}\n`),
        onLeftBehind: () => socket.destroy(),
      });
      send(socket, { id: request.id, result: follower.start });
      follower.resume();
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
  const handle = Object.hasOwn(handlers, method)
    ? (handlers[method as keyof ControlHandlers] as (value: unknown) => Promise<unknown>)
    : undefined;
  try {
    if (handle === undefined) throw unknownMethod(method);
    return { id, result: await handle(parameters) };
  } catch (error) {
    return { id, error: (ClauderonError.isInstance(error) ? error : new InternalError(error)).toJSON() };
  }
}

function send(socket: Socket, message: ControlAnswer): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

function unknownMethod(method: string): RequestError {
  return new RequestError({
    message: `This proxy does not know ${JSON.stringify(method)}`,
    why: "it is of another version of clauderon",
    fix: ["replace it: clauderon proxy restart"],
  });
}
