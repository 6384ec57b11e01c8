/** The value below which the share (0–1) of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((left, right) => left - right);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  if (value === undefined) throw new Error("there are no samples");
  return value;
}

const round = (value: number): number => Math.round(value * 100) / 100;

export interface Summary {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly minMs: number;
  readonly runs: number;
}

export function summary(samples: readonly number[]): Summary {
  return {
    medianMs: round(quantile(samples, 0.5)),
    p95Ms: round(quantile(samples, 0.95)),
    minMs: round(Math.min(...samples)),
    runs: samples.length,
  };
}

/** Median of the ratios pair by pair: both sides of a pair ran one after the other, so a slower moment hits both. */
export function ratio(ours: readonly number[], bare: readonly number[]): number {
  return round(
    quantile(
      ours.map((value, index) => value / (bare[index] ?? Number.NaN)),
      0.5,
    ),
  );
}

/** Milliseconds that the task takes. */
export async function timed(task: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await task();
  return performance.now() - startedMs;
}
