import type { AgentTerminalOptions, TerminalStream } from "@clauderon/core/contract";
import {
  decodeStreamClientFrame,
  encodeStreamServerFrame,
  STREAM_WINDOW_BYTES,
  toProblem,
  ttyClose,
  type StreamClientFrame,
  type StreamServerFrame,
} from "@clauderon/core/wire";

import { closed, closeSocket, onFrames, type SocketHandler } from "./frame-socket.ts";
import { naturalNumber, sizeFrom } from "./query.ts";
import { createSendWindow } from "./send-window.ts";

/** The reply with this id tells whether the terminal could be opened. */
const OPENING = 0;

/** The agent's own bytes over a connection of its own to the terminal: headless output, and raw terminals of the library. */
export const serveOutput: SocketHandler = async ({ socket, context, reference, query }) => {
  const window = createSendWindow(STREAM_WINDOW_BYTES);
  const send = (frame: StreamServerFrame): void => {
    if (socket.readyState === socket.OPEN) socket.send(encodeStreamServerFrame(frame));
  };
  const early: Uint8Array[] = [];
  let receive = (bytes: Uint8Array): void => void early.push(bytes);
  onFrames(socket, (bytes) => receive(bytes));

  const since = naturalNumber(query, "since");
  const size = sizeFrom(query);
  const options: AgentTerminalOptions = { since, size };
  let opened: TerminalStream;
  try {
    const session = await context.engine.sessions.get(reference);
    opened = await session.terminal(options);
  } catch (error) {
    send({ type: "reply", reply: { id: OPENING, problem: toProblem(error) } });
    closeSocket(socket, ttyClose.done);
    return;
  }
  await using stream = opened;
  send({ type: "reply", reply: { id: OPENING } });
  const act = actions(stream, send);
  receive = (bytes) => {
    const frame = decodeStreamClientFrame(bytes);
    if (frame.type === "acknowledge") window.acknowledge(frame.total);
    else act(frame);
  };
  for (const bytes of early) receive(bytes);

  const gone = closed(socket).then(async () => {
    window.close();
    await stream.close();
  });
  for await (const chunk of stream.output) {
    await window.take(chunk.bytes.byteLength);
    send({ type: "output", chunk });
  }
  const exit = await stream.ended;
  send({ type: "end", end: exit === undefined ? {} : { exit } });
  closeSocket(socket, exit === undefined ? ttyClose.done : ttyClose.ended);
  await gone;
};

type Call = Exclude<StreamClientFrame, { readonly type: "acknowledge" }>;

function actions(stream: TerminalStream, send: (frame: StreamServerFrame) => void): (frame: Call) => void {
  const perform = (frame: Call): Promise<void> => {
    if (frame.type === "input") return stream.input(Uint8Array.from(frame.bytes));
    if (frame.type === "pause") return stream.setPaused(frame.isPaused);
    return stream.resize({ columns: frame.columns, rows: frame.rows });
  };
  return (frame) => {
    perform(frame).then(
      () => send({ type: "reply", reply: { id: frame.id } }),
      (error: unknown) => send({ type: "reply", reply: { id: frame.id, problem: toProblem(error) } }),
    );
  };
}
