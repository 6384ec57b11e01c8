import { closed, closeSocket, describeFailure, type SocketHandler } from "./frame-socket.ts";
import { naturalNumber } from "./query.ts";

/** Text that may lie unsent for a reader that reads none; then it is cut off and comes back with its cursor. */
const WAITING_BYTES = 8 * 1024 * 1024;

/** Events as text messages of JSON, one each. */
export const serveEvents: SocketHandler = async ({ socket, context, query }) => {
  const since = naturalNumber(query, "since");
  const gone = new AbortController();
  closed(socket)
    .then(() => gone.abort())
    .catch(() => undefined);
  socket.on("message", () => closeSocket(socket, 4400, "nothing is read from this connection"));
  const signal = AbortSignal.any([gone.signal, context.ending]);
  try {
    for await (const event of context.engine.events({ since, signal })) {
      if (socket.bufferedAmount > WAITING_BYTES) break;
      socket.send(JSON.stringify(event));
    }
    closeSocket(socket, 1012, "connect again with the last cursor");
  } catch (error) {
    closeSocket(socket, 4410, describeFailure(error));
  }
};
