import { setTimeout as delay } from "node:timers/promises";

const LOOK_MS = 50;

/** Waits for a condition, which may throw until then. */
export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  what: string,
  withinMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    await delay(LOOK_MS);
  }
  throw new Error(`not within ${withinMs / 1000} s: ${what}`, { cause: last });
}
