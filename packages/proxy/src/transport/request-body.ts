import { Readable, Writable } from "node:stream";

import type { ExchangeObserver } from "../exchange/exchange-observer.ts";
import type { PushGuard, PushGuardResult } from "../push/create-push-guard.ts";

export interface RequestBodyOptions {
  readonly observers: readonly ExchangeObserver[];
  /** False = the source has ended without being whole. */
  readonly isWhole?: (() => boolean) | undefined;
  /** Fields came behind the body, so that it must not end; asked when the source has ended. */
  readonly isRefusedAtEnd?: (() => boolean) | undefined;
  /** What the head says; its last bytes wait for the source's end, because with them the upstream has it all. */
  readonly length?: number | undefined;
  /** Holds back what may not go upstream. */
  readonly guard?: PushGuard | undefined;
  readonly onRefused?: ((result: Extract<PushGuardResult, { kind: "refuse" }>) => void) | undefined;
}

/**
 * The body on its way upstream. It is not the client's own stream, so that an upstream that fails does not take the client's connection down before the client was
 * answered: what then still comes is read and thrown away.
 */
export class RequestBody extends Readable {
  /** What the client sent so far. */
  byteCount = 0;
  readonly #source: Readable;
  readonly #options: RequestBodyOptions;
  #destination: Writable | undefined;
  #last: Buffer | undefined;

  constructor(source: Readable, options: RequestBodyOptions) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    this.#options = options;
    source.on("data", this.#onData);
    source.once("end", this.#onEnd);
    source.once("close", this.#onClose);
    source.once("error", this.#onError);
    source.pause();
    // It may break off before anybody sends it; then it is told by the end of the exchange.
    this.on("error", ignore);
  }

  override _read(): void {
    this.#source.resume();
  }

  /** Bodies go into streams of HTTP/2 by this way. */
  override pipe<Destination extends NodeJS.WritableStream>(
    destination: Destination,
    options?: { readonly end?: boolean },
  ): Destination {
    if (destination instanceof Writable) this.#destination = destination;
    return super.pipe(destination, options);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Reset here: undici would end the stream first, and the upstream take what it has for all.
    if (error !== null) this.#destination?.destroy(error);
    this.#detach();
    this.#source.resume();
    done(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.byteCount += chunk.length;
    const { observers, guard, length } = this.#options;
    for (const observer of observers) observer.onRequestBody(chunk);
    if (guard === undefined) {
      if (this.byteCount === length) {
        this.#last = chunk;
        return;
      }
      if (!this.push(chunk)) this.#source.pause();
      return;
    }
    this.#take(guard.write(chunk));
  };

  readonly #onEnd = (): void => {
    const { guard, isWhole, isRefusedAtEnd } = this.#options;
    if (isWhole?.() === false) {
      this.#onClose();
      return;
    }
    if (isRefusedAtEnd?.() === true) return;
    if (guard !== undefined && !this.#take(guard.end())) return;
    this.#detach();
    if (this.#last !== undefined) this.push(this.#last);
    this.push(null);
  };

  readonly #onClose = (): void => {
    this.destroy(new Error("the client broke its request off"));
  };

  readonly #onError = (error: Error): void => {
    this.destroy(error);
  };

  #take(result: PushGuardResult): boolean {
    if (result.kind === "refuse") {
      this.#options.onRefused?.(result);
      return false;
    }
    let wantsMore = true;
    for (const chunk of result.chunks) wantsMore = this.push(chunk);
    if (!wantsMore) this.#source.pause();
    return true;
  }

  #detach(): void {
    this.#source.off("data", this.#onData);
    this.#source.off("end", this.#onEnd);
    this.#source.off("close", this.#onClose);
    this.#source.off("error", this.#onError);
    // An error that comes later is the client's own end, told by its connection.
    this.#source.on("error", ignore);
  }
}

function ignore(): void {
  // See where it listens.
}
