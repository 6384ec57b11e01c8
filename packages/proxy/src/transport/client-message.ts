import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** The head of a request as a client sent it, in whichever version of HTTP. */
export type ClientRequest = Pick<
  IncomingMessage,
  "httpVersion" | "httpVersionMajor" | "httpVersionMinor" | "method" | "rawHeaders" | "url"
>;

/** Where an answer is written to. Node's `ServerResponse` is one; HTTP/2 has its own. */
export interface ClientResponse extends Pick<ServerResponse, "destroyed" | "headersSent"> {
  readonly req: Pick<ClientRequest, "httpVersionMajor" | "httpVersionMinor" | "method"> & { resume(): unknown };
  /** The connection, where breaking the answer off means breaking that off. */
  readonly socket: Duplex | null;
  sendDate: boolean;
  shouldKeepAlive: boolean;
  on(event: "close" | "drain", listener: () => void): unknown;
  writeContinue(): void;
  writeEarlyHints(hints: Record<string, string>): void;
  /** Names and values in turn, or by name. */
  writeHead(status: number, headers: string[] | Record<string, string>): unknown;
  writeHead(status: number, reason: string, headers: string[]): unknown;
  flushHeaders(): void;
  write(chunk: Uint8Array): boolean;
  addTrailers(trailers: readonly [string, string][]): void;
  end(body?: Uint8Array | string): unknown;
  /** Ends the answer so that the client sees that it is not whole. */
  destroy(): unknown;
}
