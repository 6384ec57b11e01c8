import type { TapRecord } from "../tap/tap-event.ts";
import type { ControlEvent } from "./control-protocol.ts";

const capacity = 10_000;

/** The last records of the tap, in order, for whoever comes late. */
export class EventRing {
  readonly #events: ControlEvent[] = [];
  readonly #listeners = new Set<(event: ControlEvent) => void>();
  #latest = 0;

  get latest(): number {
    return this.#latest;
  }

  push(record: TapRecord): void {
    this.#latest += 1;
    const event = { sequence: this.#latest, record };
    this.#events.push(event);
    // Cut now and then, not at each event.
    if (this.#events.length > capacity * 1.1) this.#events.splice(0, this.#events.length - capacity);
    for (const listener of this.#listeners) listener(event);
  }

  /** Hands out what came after `since`, then what comes; returns what ends it. */
  follow(since: number, listener: (event: ControlEvent) => void): () => void {
    for (const event of this.#events) if (event.sequence > since) listener(event);
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
