/** Time, injectable. */
export interface Clock {
  /** The wall clock, for records; may jump. */
  now(): Date;
  /** Milliseconds that only grow, for durations. */
  monotonicMs(): number;
}
