import type { HostLink } from "./host-link.ts";
import { frameTypes, HostError, hostLimits } from "./host-protocol.ts";

interface Waiter {
  /** Bytes that must have been taken before it goes on. */
  readonly until: number;
  resolve(): void;
  reject(error: Error): void;
}

/** Sends input no faster than it is taken at the other end. */
export class InputWindow {
  readonly #link: HostLink;
  readonly #id: number;
  readonly #closedError: () => Error;
  #sent = 0;
  #taken = 0;
  #waiters: Waiter[] = [];
  #isClosed = false;
  #last: Promise<void> = Promise.resolve();

  constructor(link: HostLink, id: number, closedError: () => Error) {
    this.#link = link;
    this.#id = id;
    this.#closedError = closedError;
  }

  /** Resolves when all of it was taken. Calls follow each other, so the bytes of one stay together. */
  send(bytes: Uint8Array): Promise<void> {
    const sent = this.#last.then(() => this.#sendAll(bytes));
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  acknowledge(bytes: number): void {
    if (this.#taken + bytes > this.#sent)
      throw new HostError("request.refused", "The host took more input than was sent");
    this.#taken += bytes;
    const ready = this.#waiters.filter((waiter) => waiter.until <= this.#taken);
    this.#waiters = this.#waiters.filter((waiter) => waiter.until > this.#taken);
    for (const waiter of ready) waiter.resolve();
  }

  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiters) waiter.reject(this.#closedError());
    this.#waiters = [];
  }

  async #sendAll(bytes: Uint8Array): Promise<void> {
    const portion = hostLimits.inputWindowBytes;
    for (let offset = 0; offset < bytes.length; offset += portion) {
      const part = bytes.subarray(offset, offset + portion);
      if (this.#isClosed) throw this.#closedError();
      this.#link.send(frameTypes.input, this.#id, part);
      this.#sent += part.length;
      await this.#until(this.#sent);
    }
  }

  #until(until: number): Promise<void> {
    if (this.#taken >= until) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (this.#isClosed) reject(this.#closedError());
      else this.#waiters.push({ until, resolve, reject });
    });
  }
}
