import { constants } from "node:os";

import { OperationError } from "@clauderon/core/contract";

import type { Host } from "./host.ts";

const PATIENCE_MS = 1800;

/** Ends a command by signals: the first asks it to stop, the second (or 1.8 s) ends the process. */
export class SignalHub implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners: ((signal: NodeJS.Signals) => void)[] = [];
  readonly #subscription: Disposable;
  readonly #host: Pick<Host, "exit" | "onSignal">;
  #first: NodeJS.Signals | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(host: Pick<Host, "exit" | "onSignal">) {
    this.#host = host;
    this.#subscription = host.onSignal((signal) => {
      this.#receive(signal);
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** 128 + n once a signal has asked the command to stop. */
  get exitCode(): number | undefined {
    return this.#first === undefined ? undefined : exitCodeOf(this.#first);
  }

  /** Signals go to the listener until it is disposed. */
  handle(listener: (signal: NodeJS.Signals) => void): Disposable {
    this.#listeners.push(listener);
    return {
      [Symbol.dispose]: () => {
        const index = this.#listeners.indexOf(listener);
        if (index >= 0) this.#listeners.splice(index, 1);
      },
    };
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    clearTimeout(this.#deadline);
  }

  #receive(signal: NodeJS.Signals): void {
    const listener = this.#listeners.at(-1);
    if (listener !== undefined) {
      listener(signal);
      return;
    }
    if (this.#first !== undefined) {
      this.#host.exit(exitCodeOf(this.#first));
      return;
    }
    this.#first = signal;
    this.#deadline = setTimeout(() => {
      this.#host.exit(exitCodeOf(signal));
    }, PATIENCE_MS);
    this.#deadline.unref();
    this.#controller.abort(
      new OperationError({ code: "operation.aborted", message: "Interrupted", fix: ["run the command again"] }),
    );
  }
}

export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
