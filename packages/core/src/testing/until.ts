import { setTimeout as pause } from "node:timers/promises";

/** How long and how often to look. */
export interface UntilOptions {
  readonly timeoutMs: number;
  readonly everyMs?: number | undefined;
}

/** Looks until the probe gives something other than `undefined` or `false`; fails after the deadline, naming what was waited for. */
export async function until<Value>(
  what: string,
  probe: () => Promise<Value | undefined | false> | Value | undefined | false,
  options: UntilOptions,
): Promise<Value> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) {
      throw new Error(`${what}: not seen within ${String(options.timeoutMs)} ms`);
    }
    await pause(options.everyMs ?? 40);
  }
}
