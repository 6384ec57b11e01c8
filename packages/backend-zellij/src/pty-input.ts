import { writeSync } from "node:fs";

const SHORTEST_RETRY_MS = 4;
const LONGEST_RETRY_MS = 64;

interface Waiting {
  bytes: Uint8Array;
  readonly done: () => void;
}

/** Writes to a terminal's file without ever blocking this process: the binding's own stream would, once the terminal's buffer is full. */
export class PtyInput {
  readonly #file: number;
  readonly #queue: Waiting[] = [];
  #retry: NodeJS.Timeout | undefined;
  #retryMs = SHORTEST_RETRY_MS;
  #isClosed = false;

  constructor(file: number) {
    this.#file = file;
  }

  /** Resolves when the terminal has the bytes, or was closed. Calls keep their order. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isClosed || bytes.length === 0) return;
    await new Promise<void>((done) => {
      this.#queue.push({ bytes, done });
      if (this.#queue.length === 1) this.#drain();
    });
  }

  /** To be called before the file is closed. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    for (const { done } of this.#queue.splice(0)) done();
  }

  #drain(): void {
    for (let item = this.#queue[0]; item !== undefined && !this.#isClosed; item = this.#queue[0]) {
      try {
        item.bytes = item.bytes.subarray(writeSync(this.#file, item.bytes));
        this.#retryMs = SHORTEST_RETRY_MS;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") {
          this.close();
          return;
        }
        this.#retry = setTimeout(() => this.#drain(), this.#retryMs);
        this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
        return;
      }
      if (item.bytes.length > 0) continue;
      this.#queue.shift();
      item.done();
    }
  }
}
