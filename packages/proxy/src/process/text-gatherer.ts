import type { TapRecord } from "../tap/tap-event.ts";

const defaultHoldMs = 10_000;

interface Held {
  readonly record: TapRecord;
  readonly characters: number;
  readonly timer: NodeJS.Timeout;
}

/** Adds lengths of text up: one record for all that an exchange wrote between two other events, and at least one in ten seconds. Everything else passes at once. */
export class TextGatherer {
  readonly #give: (record: TapRecord) => void;
  readonly #holdMs: number;
  readonly #held = new Map<string, Held>();

  constructor(give: (record: TapRecord) => void, holdMs: number = defaultHoldMs) {
    this.#give = give;
    this.#holdMs = holdMs;
  }

  push(record: TapRecord): void {
    const { exchangeId, event } = record;
    if (event.type !== "text") {
      this.#release(exchangeId);
      this.#give(record);
      return;
    }
    const held = this.#held.get(exchangeId);
    const timer = held?.timer ?? setTimeout(() => this.#release(exchangeId), this.#holdMs).unref();
    this.#held.set(exchangeId, { record, characters: (held?.characters ?? 0) + event.characters, timer });
  }

  /** Gives what is held. */
  flush(): void {
    for (const exchangeId of this.#held.keys()) this.#release(exchangeId);
  }

  #release(exchangeId: string): void {
    const held = this.#held.get(exchangeId);
    if (held === undefined) return;
    clearTimeout(held.timer);
    this.#held.delete(exchangeId);
    this.#give({ ...held.record, event: { type: "text", characters: held.characters } });
  }
}
