import type { IPty } from "@lydell/node-pty";

const LOOK_MS = 20;
/** So many looks without output, and nothing more is expected. */
const QUIET_LOOKS = 5;
/** What a process left behind may write on; it is not listened to for ever. */
const MOST_LOOKS = 50;

/** What of node-pty's own stream is needed. */
interface PtySocket {
  destroy(error?: Error): unknown;
  resume(): unknown;
}

/**
 * node-pty closes a terminal 200 ms after its process has ended, whether all was read or not. With this it is read first, however late this process
 * gets to it. From `isEnding` on it must not be paused.
 */
export function readToEnd(pty: IPty): { readonly isEnding: () => boolean } {
  const socket = (pty as unknown as { readonly _socket: PtySocket })._socket;
  const destroy = socket.destroy.bind(socket);
  let outputs = 0;
  let isEnding = false;
  pty.onData(() => {
    outputs += 1;
  });
  socket.destroy = (error) => {
    // Reading fails when all was read and nobody is left who could write.
    if (error !== undefined || isEnding) return destroy(error);
    isEnding = true;
    socket.resume();
    let seen = outputs;
    let quiet = 0;
    let looks = 0;
    // Counted, not timed: between two looks there is a turn that reads what is there, also when this process was held up.
    const look = setInterval(() => {
      quiet = outputs === seen ? quiet + 1 : 0;
      seen = outputs;
      looks += 1;
      if (quiet < QUIET_LOOKS && looks < MOST_LOOKS) return;
      clearInterval(look);
      destroy();
    }, LOOK_MS);
    return socket;
  };
  return { isEnding: () => isEnding };
}
