import type { Clock } from "../contract/clock.ts";

/** This machine's time. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};
