import type { Socket } from "node:net";
import { Readable } from "node:stream";

import type { ClientRequest } from "./client-message.ts";
import { atEndOfTurn, type TurnTask } from "./end-of-turn.ts";
import { Http1ClientAnswer } from "./http1-client-answer.ts";
import type { ProxyLimits } from "./limits.ts";
import { readPlainRequestHead, type PlainRequestHead } from "./plain-request-head.ts";
import type { IncomingExchange } from "./prepare-request.ts";

export interface Http1ClientOptions extends Pick<IncomingExchange, "session" | "tunnel"> {
  readonly limits: ProxyLimits;
  readonly onRequest: (incoming: IncomingExchange) => void;
  /** Something that is not read here came, or the beginning of it: it is there to be read again, and nothing was taken of it. */
  readonly onOther: () => void;
  /** No request came in time. */
  readonly onSlow: () => void;
  /** The connection has gone, or was given away. */
  readonly onLeave: () => void;
}

/** Smaller bodies are sent with their head. Clients write the two one after the other; what takes longer than this is slow, and is sent on as it comes. */
const gatheredBytes = 64 * 1024;
const gatherMs = 5;
const headEnd = "\r\n\r\n";

/**
 * A client's connection, read without Node's HTTP server as long as nothing but plain requests comes, each with its head in one piece. At the first that is anything
 * else, the connection is given to the server, which takes it from there.
 */
export class Http1Client implements TurnTask {
  readonly #socket: Socket;
  readonly #options: Http1ClientOptions;
  /** Not looked at yet. */
  #pending: Buffer | undefined;
  /** Read, and not yet begun: some of its body is missing. */
  #waiting: PlainRequestHead | undefined;
  #gathered: Buffer[] = [];
  #gathering: NodeJS.Timeout | undefined;
  #answer: Http1ClientAnswer | undefined;
  #body: Readable | undefined;
  #bodyLeft = 0;
  #isAnswered = false;
  #isRunning = false;
  #isOver = false;
  #hasAsked = false;
  #sinceMs = performance.now();
  #seenBytes = 0;

  constructor(socket: Socket, options: Http1ClientOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("data", this.#onData);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onClose);
  }

  /** Ends what waits for too long; called every now and then. */
  watch(nowMs: number): void {
    const { headMs, idleConnectionMs, idleTunnelMs } = this.#options.limits;
    if (this.#isBusy) {
      const bytes = this.#socket.bytesRead + this.#socket.bytesWritten;
      if (bytes !== this.#seenBytes) this.#sinceMs = nowMs;
      this.#seenBytes = bytes;
      if (nowMs - this.#sinceMs > idleTunnelMs) this.#socket.destroy();
    } else if (this.#hasAsked) {
      if (nowMs - this.#sinceMs > idleConnectionMs) this.#socket.destroy();
    } else if (nowMs - this.#sinceMs > headMs) {
      this.#leave();
      this.#options.onSlow();
    }
  }

  /** What is missing of a small body did not come at once. */
  endTurn(): void {
    if (this.#waiting !== undefined && !this.#isOver) this.#gathering ??= setTimeout(this.#onSlowBody, gatherMs);
  }

  /** The request begins without what is missing of its body. */
  readonly #onSlowBody = (): void => {
    const head = this.#waiting;
    if (head === undefined || this.#isOver) return;
    const body = this.#createBody();
    for (const part of this.#gathered) body.push(part);
    this.#gathered = [];
    this.#begin(head, body);
  };

  get #isBusy(): boolean {
    return this.#answer !== undefined || this.#waiting !== undefined || this.#bodyLeft > 0;
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isOver) return;
    this.#pending = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#run();
  };

  /** Takes what can be taken; what cannot waits, and the client with it. */
  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#pending !== undefined && !this.#isOver && this.#step(this.#pending)) {
      // The step did it.
    }
    this.#isRunning = false;
    if (this.#pending !== undefined && !this.#isOver) this.#socket.pause();
  }

  /** False = nothing more can be taken for now. */
  #step(bytes: Buffer): boolean {
    if (this.#bodyLeft > 0) {
      this.#takeBody(bytes);
      return true;
    }
    if (this.#isBusy || this.#socket.writableNeedDrain) return false;
    const end = bytes.indexOf(headEnd, 0, "latin1");
    const isShort = end !== -1 && end <= this.#options.limits.headerBytes / 2;
    const head = isShort ? readPlainRequestHead(bytes.toString("latin1", 0, end)) : undefined;
    if (head === undefined) {
      this.#giveAway(bytes);
      return false;
    }
    this.#keep(bytes, end + headEnd.length);
    this.#hasAsked = true;
    this.#bodyLeft = head.bodyBytes;
    if (head.bodyBytes === 0) this.#begin(head, undefined);
    else if (head.bodyBytes > gatheredBytes) this.#begin(head, this.#createBody());
    else {
      this.#waiting = head;
      atEndOfTurn(this);
    }
    return true;
  }

  #takeBody(bytes: Buffer): void {
    const size = Math.min(bytes.length, this.#bodyLeft);
    const part = size === bytes.length ? bytes : bytes.subarray(0, size);
    this.#keep(bytes, size);
    this.#bodyLeft -= size;
    if (this.#waiting !== undefined) {
      this.#gathered.push(part);
      if (this.#bodyLeft > 0) return;
      const whole = this.#gathered.length === 1 ? part : Buffer.concat(this.#gathered);
      this.#gathered = [];
      this.#begin(this.#waiting, whole);
      return;
    }
    const body = this.#body;
    if (body !== undefined && !body.destroyed) {
      if (!body.push(part)) this.#socket.pause();
      if (this.#bodyLeft === 0) body.push(null);
    }
    if (this.#bodyLeft === 0) this.#endExchange();
  }

  #keep(bytes: Buffer, from: number): void {
    this.#pending = from === bytes.length ? undefined : bytes.subarray(from);
  }

  #createBody(): Readable {
    const body = new Readable({ highWaterMark: gatheredBytes, read: () => this.#socket.resume() });
    // The end of a client is told by its close.
    body.on("error", ignore);
    this.#body = body;
    return body;
  }

  #begin({ method, url, rawHeaders }: PlainRequestHead, body: Readable | Buffer | undefined): void {
    this.#endWaiting();
    this.#isAnswered = false;
    const answer = new Http1ClientAnswer(this.#socket, {
      method,
      keepSeconds: Math.floor(this.#options.limits.idleConnectionMs / 1000),
      discardBody: () => this.#body?.resume(),
      onEnd: () => {
        this.#isAnswered = true;
        this.#endExchange();
      },
    });
    this.#answer = answer;
    const request: ClientRequest = {
      method,
      url,
      rawHeaders,
      httpVersion: "1.1",
      httpVersionMajor: 1,
      httpVersionMinor: 1,
    };
    this.#options.onRequest(new PlainExchange(this.#options, { request, response: answer }, body));
  }

  /** The connection is free when the answer has gone out and the request has come in. */
  #endExchange(): void {
    const answer = this.#answer;
    if (!this.#isAnswered || answer === undefined) return;
    if (this.#bodyLeft > 0) {
      if (!answer.shouldKeepAlive) {
        this.#end();
        return;
      }
      // What is left of the body is read and thrown away.
      this.#body?.resume();
      this.#socket.resume();
      return;
    }
    this.#answer = undefined;
    this.#body = undefined;
    this.#sinceMs = performance.now();
    if (!answer.shouldKeepAlive) this.#end();
    else this.#goOn();
  }

  #goOn(): void {
    if (this.#isOver) return;
    if (this.#pending === undefined) {
      if (this.#socket.isPaused()) this.#socket.resume();
      return;
    }
    // What was sent ahead is not looked at before the exchange that ended has been counted.
    process.nextTick(() => {
      if (this.#isOver) return;
      if (this.#pending !== undefined) this.#run();
      if (this.#pending === undefined && this.#socket.isPaused()) this.#socket.resume();
    });
  }

  /** Ends the connection after what was written. */
  #end(): void {
    this.#pending = undefined;
    this.#isOver = true;
    this.#socket.destroySoon();
  }

  readonly #onDrain = (): void => {
    if (this.#answer === undefined) this.#goOn();
    else this.#answer.drain();
  };

  /** A client that ends its side has gone, as with Node's server. */
  readonly #onEnd = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.end();
    this.#break();
  };

  readonly #onClose = (): void => {
    this.#isOver = true;
    this.#break();
    this.#options.onLeave();
  };

  #endWaiting(): void {
    this.#waiting = undefined;
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
  }

  #break(): void {
    this.#endWaiting();
    this.#gathered = [];
    const body = this.#body;
    this.#body = undefined;
    if (body !== undefined && !body.readableEnded) body.destroy(new Error("the client broke its request off"));
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.close();
  }

  #giveAway(bytes: Buffer): void {
    const socket = this.#socket;
    this.#leave();
    if (socket.destroyed) return;
    socket.pause();
    socket.unshift(bytes);
    this.#options.onOther();
    // A server reads from the socket's handle, past what was put back, until somebody listens.
    socket.on("data", ignore).off("data", ignore);
    socket.resume();
  }

  #leave(): void {
    const socket = this.#socket;
    this.#isOver = true;
    this.#pending = undefined;
    socket.off("data", this.#onData).off("drain", this.#onDrain);
    socket.off("end", this.#onEnd).off("close", this.#onClose);
    this.#options.onLeave();
  }
}

/** The body is a stream only for those who ask for one. */
class PlainExchange implements IncomingExchange {
  readonly session: IncomingExchange["session"];
  readonly tunnel: IncomingExchange["tunnel"];
  readonly request: ClientRequest;
  readonly response: Http1ClientAnswer;
  readonly isSettled = true;
  readonly wholeBody: Buffer | undefined;
  #body: Readable | undefined;

  constructor(
    { session, tunnel }: Pick<IncomingExchange, "session" | "tunnel">,
    { request, response }: { readonly request: ClientRequest; readonly response: Http1ClientAnswer },
    body: Readable | Buffer | undefined,
  ) {
    this.session = session;
    this.tunnel = tunnel;
    this.request = request;
    this.response = response;
    if (body instanceof Readable) this.#body = body;
    else this.wholeBody = body;
  }

  get body(): Readable {
    this.#body ??= Readable.from(this.wholeBody === undefined ? [] : [this.wholeBody], { objectMode: false });
    return this.#body;
  }
}

function ignore(): void {
  // See createBody.
}
