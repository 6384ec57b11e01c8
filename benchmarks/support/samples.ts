import { ratio, summary, timed, type Summary } from "./statistics.ts";

export interface Comparison {
  readonly ours: Summary;
  readonly bare: Summary;
  readonly ratio: number;
}

/** Pairs of the same task, done by us and without us; who comes first changes from pair to pair, as the second meets the other's dirty pages. */
export class Samples {
  readonly #ours: number[] = [];
  readonly #bare: number[] = [];

  async add(ours: () => Promise<unknown>, bare: () => Promise<unknown>): Promise<void> {
    const isBareFirst = this.#ours.length % 2 === 1;
    if (isBareFirst) this.#bare.push(await timed(bare));
    this.#ours.push(await timed(ours));
    if (!isBareFirst) this.#bare.push(await timed(bare));
  }

  get comparison(): Comparison {
    return { ours: summary(this.#ours), bare: summary(this.#bare), ratio: ratio(this.#ours, this.#bare) };
  }
}
