import type { Socket } from "node:net";

const head = "HTTP/1.1 100";
const headEnd = "\r\n\r\n";

/**
 * Keeps `100 Continue` from whoever reads the socket. It may come without being asked for (RFC 9110 §15.2), and undici, which never asks for it, takes it for the end of
 * the connection. What a server says that never comes to its answer is passed on after so many bytes.
 */
export function withoutContinue<Connection extends Socket>(socket: Connection, mostBytes: number): Connection {
  const read = socket.read.bind(socket);
  const write = socket.write.bind(socket) as (...parameters: readonly unknown[]) => boolean;
  /** What came before it can be told; `undefined` = an answer has begun. */
  let held: Buffer | undefined = Buffer.alloc(0);
  let spentBytes = 0;
  const take = (chunk: Buffer): Buffer | null => {
    let bytes = held === undefined || held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (;;) {
      const end = isContinue(bytes) ? bytes.indexOf(headEnd) : -1;
      if (end === -1) break;
      spentBytes += end + headEnd.length;
      bytes = bytes.subarray(end + headEnd.length);
      if (spentBytes > mostBytes) break;
    }
    const isUndecided = mayBeContinue(bytes) && spentBytes + bytes.length <= mostBytes;
    held = isUndecided ? bytes : undefined;
    return isUndecided ? null : bytes;
  };
  return Object.assign(socket, {
    read: (size?: number): unknown => {
      const chunk: unknown = read(size);
      return held === undefined || !Buffer.isBuffer(chunk) ? chunk : take(chunk);
    },
    write: (...parameters: readonly unknown[]): boolean => {
      // A request goes out: what comes next is the head of its answer.
      if (typeof parameters[0] === "string" && parameters[0].includes(" HTTP/1.1\r\n")) {
        held = Buffer.alloc(0);
        spentBytes = 0;
      }
      return write(...parameters);
    },
  });
}

function isContinue(bytes: Buffer): boolean {
  const after = bytes[head.length];
  // A space, or the end of the line: 1000 is no status either.
  return bytes.toString("latin1", 0, head.length) === head && (after === 0x20 || after === 0x0d);
}

/** So far. */
function mayBeContinue(bytes: Buffer): boolean {
  return bytes.length <= head.length ? head.startsWith(bytes.toString("latin1")) : isContinue(bytes);
}
