import { randomUUID } from "node:crypto";

import type { TapRecord } from "../tap/tap-event.ts";
import type { ControlEvent, EventPosition, FollowStart } from "./control-protocol.ts";

const defaultCapacity = 10_000;

export interface FollowOptions {
  readonly from: EventPosition;
  /** False = it takes no more until `resume`. */
  readonly write: (event: ControlEvent) => boolean;
  /** What it would need next is not kept any more. */
  readonly onLeftBehind: () => void;
}

export interface Follower {
  readonly start: FollowStart;
  resume(): void;
  leave(): void;
}

/** The tap's records, in order, until the daemon has stored them. A bounded number waits; the oldest are given up first, and whoever comes is told how many. */
export class EventBacklog {
  /** Another for each process: sequences of one mean nothing to the next. */
  readonly epoch: string = randomUUID();
  readonly #capacity: number;
  #events: ControlEvent[] = [];
  #latest = 0;
  #acknowledged = 0;
  readonly #pumps = new Set<() => void>();

  constructor(capacity: number = defaultCapacity) {
    this.#capacity = capacity;
  }

  /** Whether nothing waits for somebody who is there to store it. */
  get isSettled(): boolean {
    return this.#acknowledged === this.#latest || this.#pumps.size === 0;
  }

  push(record: TapRecord): void {
    this.#latest += 1;
    this.#events.push({ sequence: this.#latest, record });
    // Cut now and then, not at each event.
    if (this.#events.length > this.#capacity * 1.1) this.#events = this.#events.slice(-this.#capacity);
    for (const pump of this.#pumps) pump();
  }

  /** Everything up to this one is stored elsewhere. */
  acknowledge(sequence: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, Math.min(sequence, this.#latest));
    const next = this.#indexOf(this.#acknowledged + 1);
    if (next > 0) this.#events = this.#events.slice(next);
  }

  /** Hands out what came after a position, then what comes, as fast as it is taken. */
  follow({ from, write, onLeftBehind }: FollowOptions): Follower {
    const since = from.epoch === undefined || from.epoch === this.epoch ? from.since : 0;
    const oldest = this.#oldest;
    let next = Math.max(since, this.#acknowledged, oldest - 1) + 1;
    let isFull = false;
    const pump = (): void => {
      if (next < this.#oldest) {
        this.#pumps.delete(pump);
        onLeftBehind();
        return;
      }
      while (!isFull && next <= this.#latest) {
        const event = this.#events[this.#indexOf(next)];
        if (event === undefined) return;
        next += 1;
        isFull = !write(event);
      }
    };
    this.#pumps.add(pump);
    const lost = Math.max(0, oldest - 1 - Math.max(since, this.#acknowledged));
    return {
      start: { epoch: this.epoch, latest: this.#latest, lost },
      resume() {
        isFull = false;
        pump();
      },
      leave: () => void this.#pumps.delete(pump),
    };
  }

  get #oldest(): number {
    return this.#events[0]?.sequence ?? this.#latest + 1;
  }

  #indexOf(sequence: number): number {
    return sequence - this.#oldest;
  }
}
