import type { CallOptions } from "@clauderon/core/contract";

const EVERY_MS = 250;

interface Waiter {
  look(): void;
}

/** Waits for things that have to be looked at: one timer for all who wait, none when nobody does. */
export class AgentWatch {
  readonly #waiters = new Set<Waiter>();
  #timer: NodeJS.Timeout | undefined;

  /** Resolves as soon as the probe, which must be cheap, gives true. Rejects with the signal's reason. */
  async until(probe: () => boolean, options?: CallOptions): Promise<void> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    if (probe()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(signal?.reason);
    const waiter: Waiter = {
      look: () => {
        try {
          if (probe()) resolve();
        } catch (error) {
          reject(error);
        }
      },
    };
    this.#add(waiter);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      this.#remove(waiter);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #add(waiter: Waiter): void {
    this.#waiters.add(waiter);
    this.#timer ??= setInterval(() => {
      for (const each of this.#waiters) each.look();
    }, EVERY_MS);
  }

  #remove(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
