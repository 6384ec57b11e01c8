import type { ExecOptions, ProcessHandle } from "@clauderon/core/contract";
import {
  decodeExecClientFrame,
  encodeExecServerFrame,
  EXEC_WINDOW_BYTES,
  toProblem,
  type ExecClientFrame,
  type ExecRequest,
  type ExecServerFrame,
} from "@clauderon/core/wire";

import { closed, closeSocket, onFrames, type SocketHandler } from "./frame-socket.ts";
import { createSendWindow, type SendWindow } from "./send-window.ts";

/** Standard input that may lie here for a process that reads none. */
const STDIN_WAITING_BYTES = 4 * EXEC_WINDOW_BYTES;
const CHUNK_BYTES = 65_536;

/** Runs one command. Losing the connection ends neither it nor its streams: what it still prints is dropped. */
export const serveExec: SocketHandler = async ({ socket, context, reference }) => {
  const window = createSendWindow(EXEC_WINDOW_BYTES);
  const started = Promise.withResolvers<ExecRequest>();
  const send = (frame: ExecServerFrame): void => {
    if (socket.readyState === socket.OPEN) socket.send(encodeExecServerFrame(frame));
  };
  let act: (frame: ExecClientFrame) => void = (frame) => {
    if (frame.type !== "start") throw new TypeError("the first frame must be a start");
    act = () => {
      throw new TypeError("no frame may follow before the command has started");
    };
    started.resolve(frame.request);
  };
  onFrames(socket, (bytes) => act(decodeExecClientFrame(bytes)));
  closed(socket)
    .then(() => window.close())
    .catch(() => undefined);

  const request = await Promise.race([started.promise, closed(socket)]);
  if (request === undefined) return;
  let handle: ProcessHandle;
  try {
    const session = await context.engine.sessions.get(reference);
    handle = await session.spawn(request.argv, execOptions(request));
  } catch (error) {
    send({ type: "control", control: { type: "failed", problem: toProblem(error) } });
    closeSocket(socket, 1000);
    return;
  }
  act = controls({ handle, window, send });
  send({ type: "control", control: { type: "started" } });
  const [, , exit] = await Promise.allSettled([
    forward(handle.stdout, "stdout", { send, window }),
    forward(handle.stderr, "stderr", { send, window }),
    handle.exit,
  ]);
  if (exit.status === "fulfilled") send({ type: "exit", exit: exit.value });
  else send({ type: "control", control: { type: "failed", problem: toProblem(exit.reason) } });
  closeSocket(socket, 1000);
};

function execOptions(request: ExecRequest): ExecOptions {
  const { cwd, environment, stdin, terminal, timeoutMs } = request;
  return { cwd, environment, stdin, terminal, timeoutMs };
}

interface Carrier {
  readonly window: SendWindow;
  readonly send: (frame: ExecServerFrame) => void;
}

async function forward(
  stream: ReadableStream<Uint8Array>,
  type: "stdout" | "stderr",
  { send, window }: Carrier,
): Promise<void> {
  for await (const bytes of stream) {
    for (let from = 0; from < bytes.byteLength; from += CHUNK_BYTES) {
      const part = bytes.subarray(from, from + CHUNK_BYTES);
      await window.take(part.byteLength);
      send({ type, bytes: part });
    }
  }
}

function controls(options: Carrier & { readonly handle: ProcessHandle }): (frame: ExecClientFrame) => void {
  const { handle, window, send } = options;
  const writer = handle.stdin.getWriter();
  // The process may end without reading its input: writing then fails, and its exit code tells how it went.
  const ignore = (): void => undefined;
  writer.closed.catch(ignore);
  let taken = 0;
  let waitingBytes = 0;
  return (frame) => {
    switch (frame.type) {
      case "stdin": {
        const size = frame.bytes.byteLength;
        waitingBytes += size;
        if (waitingBytes > STDIN_WAITING_BYTES) throw new RangeError("more input than was acknowledged");
        const writing = writer.write(Uint8Array.from(frame.bytes)).catch(ignore);
        const written = writing.then(() => {
          waitingBytes -= size;
          taken += size;
          send({ type: "stdin-acknowledge", total: taken });
        });
        written.catch(ignore);
        break;
      }
      case "stdin-close":
        writer.close().catch(ignore);
        break;
      case "resize":
        handle.resize({ columns: frame.columns, rows: frame.rows }).catch(ignore);
        break;
      case "kill":
        handle.kill(frame.signal).catch(ignore);
        break;
      case "acknowledge":
        window.acknowledge(frame.total);
        break;
      default:
        throw new TypeError("a command has started already");
    }
  };
}
