import type { Socket } from "node:net";

import type { Dispatcher } from "undici";

import { atEndOfTurn, type TurnTask } from "./end-of-turn.ts";
import { AnswerError, AnswerParser, type AnswerEvents } from "./http1-answer.ts";

/** What is told of an exchange. */
export type ExchangeHandler = Required<
  Pick<
    Dispatcher.DispatchHandler,
    "onRequestStart" | "onResponseStart" | "onResponseData" | "onResponseEnd" | "onResponseError"
  >
>;

export interface Http1RequestParts {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn, `Host` the first of them. */
  readonly headers: readonly string[];
  readonly body: Buffer | null;
}

/** One request that waits for a connection, or has one; and what its handler holds of it, which means nothing once the exchange is over. */
export class Http1Request implements Dispatcher.DispatchController {
  readonly parts: Http1RequestParts;
  readonly handler: ExchangeHandler;
  connection: Http1Connection | undefined;
  rawHeaders: string[] | null = null;
  rawTrailers: string[] | null = null;
  reason: Error | null = null;

  constructor(parts: Http1RequestParts, handler: ExchangeHandler) {
    this.parts = parts;
    this.handler = handler;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  get paused(): boolean {
    return this.connection?.isPaused ?? false;
  }

  abort(reason: Error): void {
    this.reason ??= reason;
    this.connection?.destroy(this.reason);
  }

  pause(): void {
    this.connection?.pause();
  }

  resume(): void {
    this.connection?.resume();
  }

  fail(error: Error): void {
    this.handler.onResponseError(this, error);
  }
}

export interface Http1ConnectionOptions {
  readonly headerBytes: number;
  readonly answerHeadMs: number;
  readonly keepMs: number;
  /** Free for another request. */
  readonly onFree: (connection: Http1Connection) => void;
  readonly onClose: (connection: Http1Connection) => void;
  /** The connection ended before any byte of the request was written: another may carry it. */
  readonly onUnsent: (request: Http1Request) => void;
}

/** A token of RFC 9110 §5.6.2. */
const tokenPattern = /^[\w!#$%&'*+.^`|~-]+$/;
const pathPattern = /^[!-~]+$/;
/** No line more than was meant: what a value may not hold. */
const notInValue = /[^\t -~\u0080-\u00ff]/;
const methodsWithBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);
/** A server that says how long it keeps a connection begins to count before its answer is here. */
const keepMarginMs = 1000;

/** A connection that carries one exchange at a time. Nothing is ever sent twice. */
export class Http1Connection implements AnswerEvents, TurnTask {
  /** The exchange takes no more for now. */
  isPaused = false;
  readonly #socket: Socket;
  readonly #options: Http1ConnectionOptions;
  readonly #parser: AnswerParser;
  readonly #timer: NodeJS.Timeout;
  #current: Http1Request | undefined;
  #head = "";
  #hasHead = false;
  #hasServed = false;
  #idleMs = 0;
  #idleSinceMs = 0;

  constructor(socket: Socket, options: Http1ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#parser = new AnswerParser(this, { headerBytes: options.headerBytes });
    this.#timer = setTimeout(() => this.#onTimer(), Math.min(options.keepMs, options.answerHeadMs));
    this.#timer.unref();
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.once("end", () => this.#onEnd());
    socket.on("error", (error) => this.#lose(error));
    socket.once("close", () => {
      this.#lose(closedByUpstream());
      clearTimeout(this.#timer);
      options.onClose(this);
    });
    this.#rest(options.keepMs);
  }

  /** Whether it may be used: a connection that the server is about to close is not. */
  get isUsable(): boolean {
    const socket = this.#socket;
    if (this.#current !== undefined || socket.destroyed || !socket.writable || socket.readableEnded) return false;
    return performance.now() - this.#idleSinceMs < this.#idleMs;
  }

  send(request: Http1Request): void {
    const { parts, handler } = request;
    const { method } = parts;
    let head: string;
    try {
      handler.onRequestStart(request, {});
      if (request.reason !== null) throw request.reason;
      head = headOf(parts);
    } catch (error) {
      // The client has gone, or the request cannot be sent; the connection was not touched.
      request.fail(error as Error);
      this.#options.onFree(this);
      return;
    }
    this.#current = request;
    request.connection = this;
    this.#hasHead = false;
    this.#idleSinceMs = performance.now();
    this.#parser.begin(method);
    this.#head = head;
    atEndOfTurn(this);
  }

  /** Writes the request that was taken; nothing of one that was given up meanwhile. */
  endTurn(): void {
    const request = this.#current;
    if (request === undefined || this.#head === "" || this.#socket.destroyed) return;
    const head = this.#head;
    const { body } = request.parts;
    this.#head = "";
    if (body === null) this.#socket.write(head, "latin1");
    // One record, one write.
    else this.#socket.write(Buffer.concat([Buffer.from(head, "latin1"), body]));
  }

  pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#socket.resume();
  }

  destroy(reason: Error): void {
    this.#fail(reason);
  }

  onHead(status: number, reason: string, lines: readonly string[]): void {
    if (status >= 200) this.#hasHead = true;
    const request = this.#current;
    if (request === undefined) return;
    request.rawHeaders = lines as string[];
    request.handler.onResponseStart(request, status, {}, reason);
  }

  onData(chunk: Buffer): void {
    const request = this.#current;
    if (request !== undefined) request.handler.onResponseData(request, chunk);
  }

  onEnd(trailers: readonly string[]): void {
    const request = this.#current;
    if (request === undefined) return;
    this.#current = undefined;
    request.connection = undefined;
    this.#hasServed = true;
    try {
      request.handler.onResponseEnd(request, trailers.length === 0 ? {} : tableOf(trailers));
    } catch (error) {
      this.#socket.destroy();
      request.fail(error as Error);
    }
  }

  #onData(chunk: Buffer): void {
    try {
      // Bytes that nobody asked for would be taken for the next answer.
      if (this.#head !== "") {
        this.#lose(closedByUpstream());
        return;
      }
      if (!this.#parser.take(chunk)) {
        this.#socket.destroy();
        return;
      }
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    if (this.#current === undefined && this.#parser.isDone) this.#free();
  }

  #free(): void {
    const { keepMs, onFree } = this.#options;
    this.resume();
    const idleMs = Math.min(keepMs, this.#parser.keepMs - keepMarginMs);
    if (!this.#parser.keepsConnection || idleMs <= 0 || this.#socket.destroyed) {
      this.#socket.destroy();
      return;
    }
    this.#rest(idleMs);
    onFree(this);
  }

  #rest(idleMs: number): void {
    this.#idleMs = idleMs;
    this.#idleSinceMs = performance.now();
  }

  /** One timer for both waits, looked at now and then: a timer per request costs more than the wait may be longer. */
  #onTimer(): void {
    const waitedMs = performance.now() - this.#idleSinceMs;
    if (this.#current === undefined) {
      if (waitedMs >= this.#idleMs) this.#socket.destroy();
    } else if (!this.#hasHead && waitedMs >= this.#options.answerHeadMs) {
      this.#fail(new AnswerError("ANSWER_SLOW", "the upstream did not answer in time"));
    }
    if (!this.#socket.destroyed) this.#timer.refresh();
  }

  #onEnd(): void {
    if (this.#current !== undefined && this.#parser.end()) {
      this.#socket.destroy();
      return;
    }
    this.#lose(closedByUpstream());
  }

  /** A server may close a connection between two requests whenever it likes. A fresh one that closes is a fault: nobody tries that for ever. */
  #lose(error: Error): void {
    const request = this.#current;
    if (request === undefined || this.#head === "" || !this.#hasServed) {
      this.#fail(error);
      return;
    }
    this.#current = undefined;
    this.#head = "";
    request.connection = undefined;
    this.#socket.destroy();
    this.#options.onUnsent(request);
  }

  #fail(error: Error): void {
    const request = this.#current;
    this.#current = undefined;
    this.#socket.destroy();
    if (request === undefined) return;
    request.connection = undefined;
    request.fail(error);
  }
}

/** `Host` comes first and the length last, with nothing of the client's between them and their colons. Throws on what would not be one head. */
function headOf({ method, path, headers, body }: Http1RequestParts): string {
  const host = headers[1] ?? "";
  if (!tokenPattern.test(method) || !pathPattern.test(path) || notInValue.test(host)) throw malformedRequest();
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  let length: string | undefined;
  for (let index = 2; index < headers.length; index += 2) {
    const name = headers[index] ?? "";
    const value = headers[index + 1] ?? "";
    if (!tokenPattern.test(name) || notInValue.test(value)) throw malformedRequest();
    if (name.length === 14 && name.toLowerCase() === "content-length") length = value;
    else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") throw malformedRequest();
    else head += `${name}: ${value}\r\n`;
  }
  // A length without its body would make the next request on the connection that body.
  if (body === null && length !== undefined && Number(length) !== 0) throw malformedRequest();
  if (body !== null) length = String(body.length);
  else if (length === undefined && methodsWithBody.has(method)) length = "0";
  return length === undefined ? `${head}\r\n` : `${head}content-length: ${length}\r\n\r\n`;
}

function closedByUpstream(): AnswerError {
  return new AnswerError("UPSTREAM_CLOSED", "the upstream closed the connection");
}

function malformedRequest(): AnswerError {
  return new AnswerError("REQUEST_MALFORMED", "the request's head is malformed");
}

function tableOf(lines: readonly string[]): Record<string, string | string[]> {
  const table = new Map<string, string | string[]>();
  for (let index = 0; index < lines.length; index += 2) {
    const name = (lines[index] ?? "").toLowerCase();
    const value = lines[index + 1] ?? "";
    const known = table.get(name);
    table.set(name, known === undefined ? value : [...(typeof known === "string" ? [known] : known), value]);
  }
  return Object.fromEntries(table);
}
