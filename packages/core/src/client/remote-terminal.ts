import { DaemonError } from "../contract/errors/daemon-error.ts";
import type { ProcessExit, TerminalSize } from "../contract/process.ts";
import type { AgentTerminalOptions, TerminalChunk, TerminalStream } from "../contract/terminal.ts";
import { abortable } from "../support/abortable.ts";
import { AsyncQueue } from "../support/async-queue.ts";
import { errorFromProblem } from "../wire/problem.ts";
import {
  decodeStreamServerFrame,
  encodeStreamClientFrame,
  STREAM_PROTOCOL,
  STREAM_WINDOW_BYTES,
  type StreamClientFrame,
  type StreamReply,
} from "../wire/stream-frames.ts";
import type { Connector } from "./connection.ts";
import { openSocket } from "./open-socket.ts";

/** The daemon's first reply tells whether the terminal could be opened. */
const OPENING = 0;

/** A connection of its own to an agent's terminal, through the daemon. */
export async function openRemoteTerminal(
  connector: Connector,
  sessionId: string,
  options: AgentTerminalOptions,
): Promise<TerminalStream> {
  const calls = new Map<number, PromiseWithResolvers<void>>([[OPENING, Promise.withResolvers<void>()]]);
  const ended = Promise.withResolvers<ProcessExit | undefined>();
  const chunks = new AsyncQueue<TerminalChunk>();
  let lastId = OPENING;
  let hasEnded = false;

  const settle = ({ id, problem }: StreamReply): void => {
    const call = calls.get(id);
    calls.delete(id);
    if (problem === undefined) call?.resolve();
    else call?.reject(errorFromProblem(problem));
  };
  const finish = (exit: ProcessExit | undefined): void => {
    hasEnded = true;
    chunks.end();
    ended.resolve(exit);
    for (const call of calls.values()) call.reject(closedError());
    calls.clear();
  };
  const opening = calls.get(OPENING)?.promise;
  const socket = await openSocket(connector, {
    path: terminalPath(sessionId, options),
    protocol: STREAM_PROTOCOL,
    signal: options.signal,
    onMessage(bytes) {
      const frame = decodeStreamServerFrame(bytes);
      if (frame.type === "output") chunks.push({ ...frame.chunk, bytes: frame.chunk.bytes.slice() });
      else if (frame.type === "reply") settle(frame.reply);
      else finish(frame.end.exit);
    },
    onClose: () => finish(undefined),
  });
  const send = (frame: StreamClientFrame): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(Uint8Array.from(encodeStreamClientFrame(frame)));
  };
  const call = (make: (id: number) => StreamClientFrame): Promise<void> => {
    if (hasEnded) return Promise.reject(closedError());
    lastId += 1;
    const pending = Promise.withResolvers<void>();
    calls.set(lastId, pending);
    send(make(lastId));
    return pending.promise;
  };
  try {
    await abortable(opening ?? Promise.resolve(), options.signal);
  } catch (error) {
    socket.close();
    throw error;
  }
  const close = async (): Promise<void> => {
    finish(undefined);
    socket.close();
  };
  return {
    output: acknowledged(chunks, (total) => send({ type: "acknowledge", total })),
    ended: ended.promise,
    input: (bytes) => call((id) => ({ type: "input", id, bytes })),
    resize: (size: TerminalSize) => call((id) => ({ type: "resize", id, ...size })),
    setPaused: (isPaused) => call((id) => ({ type: "pause", id, isPaused })),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function* acknowledged(
  chunks: AsyncIterable<TerminalChunk>,
  acknowledge: (total: number) => void,
): AsyncGenerator<TerminalChunk, void, void> {
  let read = 0;
  let told = 0;
  for await (const chunk of chunks) {
    yield chunk;
    read += chunk.bytes.byteLength;
    if (read - told < STREAM_WINDOW_BYTES / 4) continue;
    told = read;
    acknowledge(read);
  }
}

function terminalPath(sessionId: string, { since, size }: AgentTerminalOptions): string {
  const query = new URLSearchParams();
  if (since !== undefined) query.set("since", String(since));
  if (size !== undefined) {
    query.set("columns", String(size.columns));
    query.set("rows", String(size.rows));
  }
  return `/api/sessions/${encodeURIComponent(sessionId)}/output?${query.toString()}`;
}

function closedError(): DaemonError {
  return new DaemonError({
    message: "The terminal's connection is closed",
    fix: ["open the terminal anew; the agent goes on"],
  });
}
