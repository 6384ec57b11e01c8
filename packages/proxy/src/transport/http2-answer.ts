import { constants, type ServerHttp2Stream } from "node:http2";

import type { ClientResponse } from "./client-message.ts";
import { withoutNames } from "./header-filter.ts";

/** Of HTTP/1.1 alone: HTTP/2 takes an answer with one of these for malformed (RFC 9113 §8.2.2). */
const connectionNames = [
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
];

/** The answer to one stream of an HTTP/2 connection. */
export class Http2Answer implements ClientResponse {
  readonly req: ClientResponse["req"];
  /** Breaking an answer off resets its stream, never the connection with the other streams. */
  readonly socket = null;
  sendDate = false;
  shouldKeepAlive = true;
  readonly #stream: ServerHttp2Stream;
  #held: string[] | undefined;
  #trailers: readonly [string, string][] = [];
  #isBroken = false;

  constructor(stream: ServerHttp2Stream, method: string) {
    this.#stream = stream;
    this.req = { method, httpVersionMajor: 2, httpVersionMinor: 0, resume: () => stream.resume() };
    stream.on("wantTrailers", () => this.#sendTrailers());
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  get headersSent(): boolean {
    return this.#held !== undefined || this.#stream.headersSent;
  }

  on(event: "close" | "drain", listener: () => void): this {
    this.#stream.on(event, listener);
    return this;
  }

  writeContinue(): void {
    if (!this.destroyed) this.#stream.additionalHeaders({ ":status": 100 });
  }

  writeEarlyHints(hints: Record<string, string>): void {
    if (!this.destroyed) this.#stream.additionalHeaders({ ...hints, ":status": 103 });
  }

  writeHead(
    status: number,
    reason: string | string[] | Record<string, string>,
    headers: string[] | Record<string, string> = [],
  ): void {
    const given = typeof reason === "string" ? headers : reason;
    const lines = Array.isArray(given) ? given : Object.entries(given).flat();
    const head = [":status", String(status), ...withoutNames(lines, connectionNames)];
    for (let index = 0; index < head.length; index += 2) head[index] = (head[index] ?? "").toLowerCase();
    // A call that ends with its head ("Trailers-Only" of gRPC) must end the stream with it, too: its clients look for the status in the last head alone.
    if (head.some((name, index) => index % 2 === 0 && name === "grpc-status")) this.#held = head;
    else this.#respond(head, false);
  }

  flushHeaders(): void {
    // A head goes out when it is written, except one that is held until its end.
  }

  write(chunk: Uint8Array): boolean {
    this.#release(false);
    return this.destroyed || this.#stream.writableEnded || this.#stream.write(chunk);
  }

  addTrailers(trailers: readonly [string, string][]): void {
    this.#trailers = trailers;
  }

  end(body?: Uint8Array | string): void {
    const isHeadAlone = body === undefined && this.#trailers.length === 0;
    this.#release(isHeadAlone);
    if (!this.destroyed && !this.#stream.writableEnded) this.#stream.end(body);
  }

  destroy(): void {
    this.#isBroken = true;
    if (!this.destroyed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  #release(endStream: boolean): void {
    const head = this.#held;
    this.#held = undefined;
    if (head !== undefined) this.#respond(head, endStream);
  }

  #respond(head: string[], endStream: boolean): void {
    if (!this.destroyed) this.#stream.respond(head, { endStream, waitForTrailers: !endStream });
  }

  /** Asked for when all of the body has been handed over; the stream ends with it. */
  #sendTrailers(): void {
    if (this.#isBroken || this.destroyed) return;
    const trailers: Record<string, string[]> = {};
    for (const [given, value] of this.#trailers) {
      const name = given.toLowerCase();
      if (!connectionNames.includes(name)) (trailers[name] ??= []).push(value);
    }
    try {
      this.#stream.sendTrailers(trailers);
    } catch {
      // Trailers that HTTP/2 cannot carry: the client must not take the answer for whole without them.
      this.destroy();
    }
  }
}
