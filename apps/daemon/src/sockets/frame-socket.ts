import { toProblem } from "@clauderon/core/wire";
import type { RawData, WebSocket } from "ws";

import type { HttpContext } from "../http-context.ts";

/** Serves one WebSocket; the connection is open. Resolves when the connection needs nothing more. */
export type SocketHandler = (request: SocketRequest) => Promise<void>;

export interface SocketRequest {
  readonly socket: WebSocket;
  readonly context: HttpContext;
  /** Id or name from the path; empty for `/api/events`. */
  readonly reference: string;
  readonly query: URLSearchParams;
}

/** Longest reason a close frame can carry. */
const REASON_BYTES = 123;

/** Closes with the code; the reason is a `code: message` of ours, cut to what fits. */
export function closeSocket(socket: WebSocket, code: number, reason = ""): void {
  socket.close(code, Buffer.from(reason).subarray(0, REASON_BYTES).toString("utf8").replace(/�+$/, ""));
}

/** Error as the reason of a close. */
export function describeFailure(error: unknown): string {
  const problem = toProblem(error);
  return `${problem.code}: ${problem.detail}`;
}

/** Calls back for each binary message; a text message, or a handler that throws, closes the connection with 4400. */
export function onFrames(socket: WebSocket, handle: (bytes: Uint8Array) => void): void {
  socket.on("message", (data: RawData, isBinary: boolean) => {
    try {
      if (!isBinary) throw new TypeError("text messages are not part of this protocol");
      handle(toBytes(data));
    } catch (error) {
      closeSocket(socket, 4400, describeFailure(error));
    }
  });
}

function toBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

/** Resolves when the connection is closed, by either side. */
export function closed(socket: WebSocket): Promise<void> {
  if (socket.readyState === socket.CLOSED) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
  });
}
