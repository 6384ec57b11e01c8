import { DaemonError } from "../contract/errors/daemon-error.ts";
import type { ExecOptions, ProcessExit, ProcessHandle, TerminalSize } from "../contract/process.ts";
import { abortable } from "../support/abortable.ts";
import {
  decodeExecServerFrame,
  encodeExecClientFrame,
  EXEC_PROTOCOL,
  EXEC_WINDOW_BYTES,
  type ExecClientFrame,
  type ExecServerFrame,
} from "../wire/exec-frames.ts";
import { errorFromProblem } from "../wire/problem.ts";
import type { Connector } from "./connection.ts";
import { openSocket } from "./open-socket.ts";

const CHUNK_BYTES = 65_536;

/** Starts a command in a session over a WebSocket. Dropping the connection does not end the process. */
export async function spawnRemote(
  connector: Connector,
  target: { readonly sessionId: string; readonly argv: readonly [string, ...string[]] },
  options: ExecOptions,
): Promise<ProcessHandle> {
  const { signal, cwd, environment, stdin, terminal, timeoutMs } = options;
  const started = Promise.withResolvers<void>();
  const exit = Promise.withResolvers<ProcessExit>();
  // Each is awaited by who is interested; nobody else is to hear of its failure.
  started.promise.catch(() => undefined);
  exit.promise.catch(() => undefined);
  const outputs = createOutputs((total) => send({ type: "acknowledge", total }));
  const input = createInput((frame) => send(frame), stdin === "pipe" || terminal !== undefined);

  const finish = (error?: unknown): void => {
    outputs.close();
    input.close();
    if (error === undefined) return;
    started.reject(error);
    exit.reject(error);
  };
  const receive = (frame: ExecServerFrame): void => {
    if (frame.type === "stdout" || frame.type === "stderr") outputs.push(frame.type, frame.bytes);
    else if (frame.type === "stdin-acknowledge") input.acknowledge(frame.total);
    else if (frame.type === "exit") {
      exit.resolve(frame.exit);
      finish();
    } else if (frame.type === "control") {
      if (frame.control.type === "started") started.resolve();
      else finish(errorFromProblem(frame.control.problem));
    }
  };
  const socket = await openSocket(connector, {
    path: `/api/sessions/${encodeURIComponent(target.sessionId)}/exec`,
    protocol: EXEC_PROTOCOL,
    signal,
    onMessage(bytes) {
      try {
        receive(decodeExecServerFrame(bytes));
      } catch (error) {
        finish(error);
        socket.close();
      }
    },
    onClose: (_code, reason) => finish(lost(reason)),
  });
  function send(frame: ExecClientFrame): void {
    if (socket.readyState === WebSocket.OPEN) socket.send(Uint8Array.from(encodeExecClientFrame(frame)));
  }
  const request = { argv: target.argv, cwd, environment, stdin, terminal, timeoutMs };
  send({ type: "start", request });
  try {
    await abortable(started.promise, signal);
  } catch (error) {
    socket.close();
    throw error;
  }
  return {
    stdin: input.stream,
    stdout: outputs.stdout,
    stderr: outputs.stderr,
    exit: exit.promise,
    async kill(name = "SIGTERM") {
      send({ type: "kill", signal: name });
    },
    async resize(size: TerminalSize) {
      send({ type: "resize", ...size });
    },
  };
}

function lost(reason: string): DaemonError {
  return new DaemonError({
    message: "The connection to a running command was lost",
    why: reason === "" ? "the daemon ended" : reason,
    fix: ["the command may still run; see the session: clauderon list"],
  });
}

interface Outputs {
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  push(source: "stdout" | "stderr", bytes: Uint8Array): void;
  close(): void;
}

/** What was read is acknowledged, so that the daemon sends no more than its window ahead. */
function createOutputs(acknowledge: (total: number) => void): Outputs {
  let read = 0;
  let acknowledged = 0;
  const count = (bytes: number): void => {
    read += bytes;
    if (read - acknowledged < EXEC_WINDOW_BYTES / 4) return;
    acknowledged = read;
    acknowledge(read);
  };
  const stdout = createOutput(count);
  const stderr = createOutput(count);
  return {
    stdout: stdout.stream,
    stderr: stderr.stream,
    push: (source, bytes) => (source === "stdout" ? stdout : stderr).push(bytes),
    close() {
      stdout.close();
      stderr.close();
    },
  };
}

function createOutput(count: (bytes: number) => void): {
  readonly stream: ReadableStream<Uint8Array>;
  push(bytes: Uint8Array): void;
  close(): void;
} {
  const waiting: Uint8Array[] = [];
  let isClosed = false;
  let isCancelled = false;
  let wake: (() => void) | undefined;
  const isEmpty = (): boolean => waiting.length === 0 && !isClosed;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (isEmpty()) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        const bytes = waiting.shift();
        if (bytes === undefined) {
          controller.close();
          return;
        }
        controller.enqueue(bytes);
        count(bytes.byteLength);
      },
      cancel() {
        isCancelled = true;
        for (const bytes of waiting.splice(0)) count(bytes.byteLength);
      },
    },
    { highWaterMark: 0 },
  );
  return {
    stream,
    push(bytes) {
      // A reader that has cancelled still takes, so that the process can go on.
      if (isCancelled) count(bytes.byteLength);
      else waiting.push(bytes);
      wake?.();
    },
    close() {
      isClosed = true;
      wake?.();
    },
  };
}

interface Input {
  readonly stream: WritableStream<Uint8Array>;
  acknowledge(total: number): void;
  close(): void;
}

function createInput(send: (frame: ExecClientFrame) => void, isOpen: boolean): Input {
  let sent = 0;
  let taken = 0;
  let isClosed = !isOpen;
  let wake: (() => void) | undefined;
  const isFull = (): boolean => !isClosed && sent - taken >= EXEC_WINDOW_BYTES;
  const room = async (): Promise<void> => {
    while (isFull()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (isClosed) throw new TypeError("the process takes no more input");
  };
  const stream = new WritableStream<Uint8Array>({
    async write(bytes) {
      for (let from = 0; from < bytes.byteLength; from += CHUNK_BYTES) {
        await room();
        const part = bytes.subarray(from, from + CHUNK_BYTES);
        sent += part.byteLength;
        send({ type: "stdin", bytes: part });
      }
    },
    close: () => send({ type: "stdin-close" }),
    abort: () => send({ type: "stdin-close" }),
  });
  if (!isOpen) stream.close().catch(() => undefined);
  return {
    stream,
    acknowledge(total) {
      taken = total;
      wake?.();
    },
    close() {
      isClosed = true;
      wake?.();
    },
  };
}
