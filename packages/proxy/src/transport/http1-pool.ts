import type { Socket } from "node:net";

import { AnswerError } from "./http1-answer.ts";
import { Http1Connection, Http1Request, type ExchangeHandler, type Http1RequestParts } from "./http1-connection.ts";

export interface Http1PoolOptions {
  readonly connections: number;
  readonly headerBytes: number;
  readonly answerHeadMs: number;
  readonly keepMs: number;
  readonly dial: () => Promise<Socket>;
}

/**
 * The connections of HTTP/1.1 to one origin, each for one exchange at a time; requests wait their turn. It does what this proxy needs of a client and nothing
 * else: no redirect, no retry, no cookie, no decoding.
 */
export class Http1Pool {
  readonly #options: Http1PoolOptions;
  readonly #waiting: Http1Request[] = [];
  readonly #all = new Set<Http1Connection>();
  readonly #free: Http1Connection[] = [];
  #dialing = 0;
  #isClosed = false;

  constructor(options: Http1PoolOptions) {
    this.#options = options;
  }

  dispatch(parts: Http1RequestParts, handler: ExchangeHandler): void {
    const request = new Http1Request(parts, handler);
    if (this.#isClosed) {
      request.fail(closed());
      return;
    }
    if (this.#sendOnFree(request)) return;
    this.#waiting.push(request);
    if (this.#all.size + this.#dialing < this.#options.connections) void this.#open();
  }

  #sendOnFree(request: Http1Request): boolean {
    for (let connection = this.#free.pop(); connection !== undefined; connection = this.#free.pop()) {
      if (!connection.isUsable) {
        connection.destroy(closed());
        continue;
      }
      connection.send(request);
      return true;
    }
    return false;
  }

  /** Lets what is in flight end. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#free.splice(0)) connection.destroy(closed());
  }

  /** Cuts what is in flight. */
  destroy(reason: Error): void {
    this.#isClosed = true;
    for (const request of this.#waiting.splice(0)) request.fail(reason);
    for (const connection of this.#all) connection.destroy(reason);
  }

  async #open(): Promise<void> {
    this.#dialing += 1;
    let socket: Socket;
    try {
      socket = await this.#options.dial();
    } catch (error) {
      this.#dialing -= 1;
      this.#waiting.shift()?.fail(error as Error);
      this.#openForWaiting();
      return;
    }
    this.#dialing -= 1;
    const { headerBytes, answerHeadMs, keepMs } = this.#options;
    const connection = new Http1Connection(socket, {
      headerBytes,
      answerHeadMs,
      keepMs,
      onFree: (free) => this.#onFree(free),
      onClose: (gone) => this.#onClose(gone),
      onUnsent: (unsent) => this.#onUnsent(unsent),
    });
    this.#all.add(connection);
    this.#onFree(connection);
  }

  #onFree(connection: Http1Connection): void {
    if (!connection.isUsable) {
      connection.destroy(closed());
      return;
    }
    const next = this.#waiting.shift();
    if (next !== undefined) connection.send(next);
    else if (this.#isClosed) connection.destroy(closed());
    else this.#free.push(connection);
  }

  /** First in the queue, as it was; the end of its connection opens another. */
  #onUnsent(request: Http1Request): void {
    if (!this.#sendOnFree(request)) this.#waiting.unshift(request);
  }

  #onClose(connection: Http1Connection): void {
    this.#all.delete(connection);
    const index = this.#free.indexOf(connection);
    if (index !== -1) this.#free.splice(index, 1);
    this.#openForWaiting();
  }

  /** A request that waits has a connection that will serve it, or one on its way. */
  #openForWaiting(): void {
    if (this.#waiting.length > this.#dialing && this.#all.size + this.#dialing < this.#options.connections)
      void this.#open();
  }
}

function closed(): AnswerError {
  return new AnswerError("POOL_CLOSED", "the session's policy changed");
}
