import { UsageError } from "@clauderon/core/contract";
import {
  decodeTtyClientFrame,
  encodeTtyServerFrame,
  ttyClose,
  type TtyClientFrame,
  type TtyServerFrame,
} from "@clauderon/core/wire";
import type { Viewer, ViewerCloseReason, ViewerSink } from "@clauderon/terminal";
import type { WebSocket } from "ws";

import { closed, closeSocket, onFrames, type SocketHandler } from "./frame-socket.ts";
import { naturalNumber, sizeFrom } from "./query.ts";

const clientPattern = /^[\w-]{1,64}$/;

const closeCodes: Readonly<Record<ViewerCloseReason, number>> = {
  replaced: ttyClose.replaced,
  lost: ttyClose.restart,
  slow: ttyClose.slow,
  closed: ttyClose.restart,
  dismissed: ttyClose.done,
};

/** A viewer of the session's shared terminal. */
export const serveTty: SocketHandler = async ({ socket, context, reference, query }) => {
  const clientId = query.get("client") ?? "";
  if (!clientPattern.test(clientId)) {
    throw new UsageError({ message: "client must be 1 to 64 letters and digits", fix: ["send a UUID"] });
  }
  const sequence = naturalNumber(query, "since");
  const epoch = query.get("epoch");
  const size = sizeFrom(query);
  const early: TtyClientFrame[] = [];
  let act = (frame: TtyClientFrame): void => void early.push(frame);
  onFrames(socket, (bytes) => act(decodeTtyClientFrame(bytes)));

  const session = await context.engine.sessions.get(reference);
  const viewer = await context.hub.attach({
    sessionId: session.id,
    clientId,
    size,
    since: sequence === undefined || epoch === null ? undefined : { epoch, sequence },
    sink: sinkOf(socket),
  });
  act = (frame) => perform(viewer, frame, socket);
  for (const frame of early) act(frame);
  await closed(socket);
  viewer.detach();
};

function sinkOf(socket: WebSocket): ViewerSink {
  const send = (frame: TtyServerFrame): void => {
    if (socket.readyState === socket.OPEN) socket.send(encodeTtyServerFrame(frame));
  };
  return {
    output: (sequence, bytes) => send({ type: "output", sequence, bytes }),
    snapshot: (snapshot) => send({ type: "snapshot", ...snapshot }),
    notice: (control) => send({ type: "control", control }),
    end(exit) {
      send({ type: "exit", exitCode: exit.exitCode });
      closeSocket(socket, ttyClose.ended, "the agent has ended");
    },
    close: (reason) => closeSocket(socket, closeCodes[reason], reason),
  };
}

function perform(viewer: Viewer, frame: TtyClientFrame, socket: WebSocket): void {
  switch (frame.type) {
    case "input":
      // The frame's memory belongs to the socket; the input may wait.
      viewer.input(frame.sequence, Uint8Array.from(frame.bytes));
      break;
    case "resize":
      if (frame.columns > 0 && frame.rows > 0 && frame.columns <= 1000 && frame.rows <= 1000) {
        viewer.resize({ columns: frame.columns, rows: frame.rows });
      } else closeSocket(socket, ttyClose.malformed, "a size is from 1 to 1000");
      break;
    case "acknowledge":
      viewer.acknowledge(frame.sequence);
      break;
    case "control":
      viewer.control(frame.isTaking);
      break;
    case "ping":
      socket.send(encodeTtyServerFrame({ type: "control", control: { type: "pong", id: frame.id } }));
      break;
  }
}
