import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

import type { ClientResponse } from "./client-message.ts";
import { AnswerError } from "./http1-answer.ts";

export interface Http1ClientAnswerOptions {
  readonly method: string;
  /** Told to the client: how long its connection is kept. */
  readonly keepSeconds: number;
  /** Reads the request's body and throws it away. */
  readonly discardBody: () => void;
  /** The last byte was handed over. */
  readonly onEnd: () => void;
}

/** Larger ones are not copied to go out with what stands before them. */
const copiedBytes = 16 * 1024;
const tokenPattern = /^[\w!#$%&'*+.^`|~-]+$/;
/** What a value may not hold. */
const notInValue = /[^\t -~\u0080-\u00ff]/;

/** The answer to one request of an `Http1Client`: its head goes out with the first bytes of its body, in one write. */
export class Http1ClientAnswer implements ClientResponse {
  readonly req: ClientResponse["req"];
  readonly socket: Duplex;
  sendDate = true;
  shouldKeepAlive = true;
  readonly #options: Http1ClientAnswerOptions;
  /** Made, but not on its way. */
  #head = "";
  #hasHead = false;
  #isChunked = false;
  #isBodiless = false;
  #isEnded = false;
  #isClosed = false;
  #trailers = "";
  readonly #onClose: (() => void)[] = [];
  readonly #onDrain: (() => void)[] = [];

  constructor(socket: Duplex, options: Http1ClientAnswerOptions) {
    const { method, discardBody } = options;
    this.socket = socket;
    this.#options = options;
    this.req = { method, httpVersionMajor: 1, httpVersionMinor: 1, resume: discardBody };
  }

  get destroyed(): boolean {
    return this.#isClosed || this.socket.destroyed;
  }

  get headersSent(): boolean {
    return this.#hasHead;
  }

  on(event: "close" | "drain", listener: () => void): this {
    (event === "close" ? this.#onClose : this.#onDrain).push(listener);
    return this;
  }

  /** The connection has gone. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const listener of this.#onClose) listener();
  }

  /** The connection takes more. */
  drain(): void {
    for (const listener of this.#onDrain) listener();
  }

  writeContinue(): void {
    if (!this.destroyed) this.socket.write("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
  }

  /** Throws on a hint that is malformed. */
  writeEarlyHints(hints: Record<string, string>): void {
    if (this.destroyed) return;
    this.socket.write(`HTTP/1.1 103 Early Hints\r\n${linesOf(Object.entries(hints).flat())}\r\n`, "latin1");
  }

  /** Throws on what would not be one head. */
  writeHead(
    status: number,
    reason: string | string[] | Record<string, string>,
    headers: string[] | Record<string, string> = [],
  ): void {
    const given = typeof reason === "string" ? headers : reason;
    const lines = Array.isArray(given) ? given : Object.entries(given).flat();
    const text = typeof reason === "string" ? reason : (STATUS_CODES[status] ?? "");
    if (notInValue.test(text)) throw malformedAnswer();
    let hasSize = false;
    let hasDate = false;
    for (let index = 0; index < lines.length; index += 2) {
      const name = lines[index] ?? "";
      if (name.length === 14) hasSize ||= name.toLowerCase() === "content-length";
      else if (name.length === 4) hasDate ||= name.toLowerCase() === "date";
    }
    this.#isBodiless = status === 204 || status === 304;
    this.#isChunked = !hasSize && !this.#isBodiless;
    const date = this.sendDate && !hasDate ? `date: ${new Date().toUTCString()}\r\n` : "";
    const keep = this.shouldKeepAlive
      ? `connection: keep-alive\r\nkeep-alive: timeout=${this.#options.keepSeconds}\r\n`
      : "connection: close\r\n";
    const framing = this.#isChunked ? "transfer-encoding: chunked\r\n" : "";
    this.#head = `HTTP/1.1 ${status} ${text}\r\n${linesOf(lines)}${date}${keep}${framing}\r\n`;
    this.#hasHead = true;
  }

  flushHeaders(): void {
    if (this.#head !== "") this.#send(undefined, "");
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isEnded || this.destroyed || chunk.length === 0 || this.#isBodiless) return true;
    return this.#send(chunk, "");
  }

  addTrailers(trailers: readonly [string, string][]): void {
    this.#trailers += linesOf(trailers.flat());
  }

  end(body?: Uint8Array | string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const last = this.#isChunked ? `0\r\n${this.#trailers}\r\n` : "";
    if (!this.destroyed) this.#send(this.#isBodiless || bytes?.length === 0 ? undefined : bytes, last);
    this.#options.onEnd();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #send(bytes: Uint8Array | undefined, last: string): boolean {
    const { socket } = this;
    let before = this.#head;
    let after = last;
    this.#head = "";
    if (bytes !== undefined && this.#isChunked) {
      before += `${bytes.length.toString(16)}\r\n`;
      after = `\r\n${last}`;
    }
    if (bytes === undefined || bytes.length <= copiedBytes) {
      const size = bytes?.length ?? 0;
      const all = Buffer.allocUnsafe(before.length + size + after.length);
      all.write(before, 0, "latin1");
      if (bytes !== undefined) all.set(bytes, before.length);
      if (after !== "") all.write(after, before.length + size, "latin1");
      return all.length === 0 || socket.write(all);
    }
    if (before === "" && after === "") return socket.write(bytes);
    socket.cork();
    if (before !== "") socket.write(before, "latin1");
    const wantsMore = socket.write(bytes);
    if (after !== "") socket.write(after, "latin1");
    socket.uncork();
    return wantsMore;
  }
}

function linesOf(lines: readonly string[]): string {
  let text = "";
  for (let index = 0; index < lines.length; index += 2) {
    const name = lines[index] ?? "";
    const value = lines[index + 1] ?? "";
    if (!tokenPattern.test(name) || notInValue.test(value)) throw malformedAnswer();
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

function malformedAnswer(): AnswerError {
  return new AnswerError("ANSWER_MALFORMED", "the upstream's answer cannot be passed on");
}
