import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

import { errorFromJson, errorTable, InternalError, OperationError, type ErrorCode } from "@clauderon/core/contract";

import { isErrorCode } from "./host-error-code.ts";
import { HostLink, HostLinkClosedError, type LinkStream } from "./host-link.ts";
import type { HostPeer } from "./host-peer.ts";
import { HostError } from "./host-protocol.ts";

/** How a host is reached. */
export interface HostDoor {
  readonly peer: HostPeer;
  readonly key: () => Uint8Array;
  /** Milliseconds in which what needs no waiting is answered; absent: the host is believed to answer. */
  readonly answerMs?: number | undefined;
  /** A new connection, `undefined` when nobody is there. */
  readonly dial: (options: {
    readonly startIfMissing: boolean;
    readonly signal: AbortSignal;
  }) => Promise<Duplex | undefined>;
}

export type HostResult = Readonly<Record<string, unknown>>;

export interface HostCall {
  readonly signal?: AbortSignal | undefined;
  readonly startIfMissing?: boolean | undefined;
  /** Milliseconds that the host may take besides. */
  readonly takesMs?: number | undefined;
}

const dialMs = 5000;
const shortestPauseMs = 10;
const longestPauseMs = 1000;
const mostTries = 3;
/** A connection that held longer was no failed try. */
const longLifeMs = 10_000;

const ignoreFrames: LinkStream = { frame: () => undefined, closed: () => undefined };

/** The connection to a host: made when it is needed, and again when it was lost. */
export class HostLinks {
  readonly #door: HostDoor;
  readonly #closing = new AbortController();
  #link: HostLink | undefined;
  #connecting: Promise<HostLink | undefined> | undefined;

  constructor(door: HostDoor) {
    this.#door = door;
  }

  get peer(): HostPeer {
    return this.#door.peer;
  }

  /** The connection that is there, or a new one; `undefined` when nobody is there. */
  async get(startIfMissing = false): Promise<HostLink | undefined> {
    this.#throwIfClosed();
    if (this.#link !== undefined && !this.#link.isClosed) return this.#link;
    const connecting = this.#connecting;
    if (connecting !== undefined) {
      const link = await connecting.catch(() => undefined);
      return link ?? this.get(startIfMissing);
    }
    this.#connecting = this.another(startIfMissing);
    try {
      this.#link = await this.#connecting;
      return this.#link;
    } finally {
      this.#connecting = undefined;
    }
  }

  async must(signal?: AbortSignal): Promise<HostLink> {
    const link = await waitFor(this.get(), signal);
    if (link === undefined) throw this.peer.missing();
    return link;
  }

  /** A connection of the caller's own. */
  async another(startIfMissing = false): Promise<HostLink | undefined> {
    this.#throwIfClosed();
    const { dial, key } = this.#door;
    const { signal } = this.#closing;
    const deadline = performance.now() + dialMs;
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        const duplex = await dial({ startIfMissing, signal });
        if (duplex === undefined) return undefined;
        const link = await HostLink.open(duplex, key(), this.peer);
        if (!signal.aborted) return link;
        link.close();
        this.#throwIfClosed();
      } catch (error) {
        const isLeaving = error instanceof HostLinkClosedError || isErrorCode(error, "ECONNRESET", "EPIPE");
        if (!isLeaving || signal.aborted || performance.now() > deadline) throw this.translated(error);
        // It ended while it was greeted, or was just beginning; the next try finds out whether there is another.
        await delay(pauseMs);
      }
    }
  }

  /** For what may be asked twice. `undefined` when nobody is there. */
  async call(
    method: string,
    parameters: HostResult,
    { signal, startIfMissing = false, takesMs = 0 }: HostCall = {},
  ): Promise<HostResult | undefined> {
    try {
      return await this.again(async () => {
        const link = await waitFor(this.get(startIfMissing), signal);
        if (link === undefined) return undefined;
        return waitFor(this.answer(link, link.request(method, parameters), takesMs), signal);
      });
    } catch (error) {
      const isGone = error instanceof HostLinkClosedError && this.peer.endsWithConnection && !startIfMissing;
      if (isGone) return undefined;
      throw this.translated(error);
    }
  }

  /** What is lost with its connection is done once more over the next one, where the peer may live on. */
  async again<Value>(work: () => Promise<Value>): Promise<Value> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        const mayLive = isLost(error) && !this.peer.endsWithConnection;
        if (!mayLive || tries === mostTries) throw error;
      }
    }
  }

  /** For what is answered when it happens: is asked again over the next connection when one was lost. `undefined` when nobody is there. */
  async wait(method: string, parameters: HostResult, signal?: AbortSignal): Promise<HostResult | undefined> {
    for (let pauseMs = 0; ;) {
      signal?.throwIfAborted();
      const link = await waitFor(this.get(), signal);
      if (link === undefined) return undefined;
      const id = link.newId();
      const askedAt = performance.now();
      try {
        const answer = link.request(method, parameters, { id, handler: ignoreFrames });
        return await waitFor(answer, signal, () => link.cancel(id));
      } catch (error) {
        if (!(error instanceof HostLinkClosedError)) throw error;
        pauseMs =
          performance.now() - askedAt > longLifeMs ? 0 : Math.min(pauseMs * 2 || shortestPauseMs, longestPauseMs);
        await waitFor(delay(pauseMs), signal);
      } finally {
        link.forget(id);
      }
    }
  }

  /** Asks for a stream, whose owner gets the frames of its id from then on. */
  async openStream(
    stream: { readonly link: HostLink; readonly id: number; readonly signal: AbortSignal | undefined },
    response: Promise<HostResult>,
  ): Promise<void> {
    const { link, id, signal } = stream;
    try {
      await waitFor(this.answer(link, response), signal, () => link.cancel(id));
    } catch (error) {
      link.forget(id);
      throw this.translated(error);
    }
  }

  /** What a host answered, or the error that says it cannot be read. */
  decoded<Value>(read: () => Value): Value {
    try {
      return read();
    } catch (error) {
      throw this.translated(error);
    }
  }

  translated(error: unknown): unknown {
    if (error instanceof HostError) {
      const { code } = error.failure;
      return errorFromJson({
        ...error.failure,
        code: Object.hasOwn(errorTable, code) ? (code as ErrorCode) : "internal",
        retryable: false,
      });
    }
    if (error instanceof HostLinkClosedError) {
      return new OperationError({
        message: `${this.peer.name} ${this.peer.endsWithConnection ? "ended" : "hung up"} while it was asked`,
        fix: ["try again"],
        cause: error,
      });
    }
    return error;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const connecting = await this.#connecting?.catch(() => undefined);
    connecting?.close();
    this.#link?.close();
  }

  /** A host that does not answer in time is given up, with all that goes over its connection. */
  async answer(link: HostLink, response: Promise<HostResult>, takesMs = 0): Promise<HostResult> {
    const { answerMs } = this.#door;
    if (answerMs === undefined) return response;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      link.close();
    }, answerMs + takesMs);
    try {
      return await response;
    } catch (error) {
      if (isLate) throw this.#silent(answerMs + takesMs);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #silent(milliseconds: number): OperationError {
    return new OperationError({
      code: "operation.timeout",
      message: `${this.peer.name} did not answer within ${Math.ceil(milliseconds / 1000)} s`,
      fix: ["try again; when it stays so, stop the session and start it again"],
    });
  }

  #throwIfClosed(): void {
    if (this.#closing.signal.aborted) throw new InternalError(new Error(`${this.peer.name}'s client is closed`));
  }
}

/** As it came, or as callers are told. */
function isLost(error: unknown): boolean {
  return error instanceof HostLinkClosedError || (error instanceof Error && error.cause instanceof HostLinkClosedError);
}

/** Stops waiting at the signal; what was waited for goes on, unless `abandon` ends it. */
export function waitFor<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
  abandon?: () => void,
): Promise<Value> {
  if (signal === undefined) return promise;
  promise.catch(() => undefined);
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      abandon?.();
      reject(signal.reason as Error);
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
