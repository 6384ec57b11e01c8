import type { SecretReading } from "./secret-file.ts";

/** Reads secrets from a program, each at most once at a time, and remembers. */
export interface CachedReader {
  /** Throws what reading throws. */
  read(name: string): Promise<SecretReading>;
  forget(): void;
}

const valueFreshMs = 15 * 60_000;
// A locked store asks its user; asking again for each request would open a window each time.
const failureFreshMs = 30_000;

interface Entry {
  readonly until: number;
  readonly reading: Promise<SecretReading>;
}

/** Keeps what was read in memory for a quarter of an hour, a failure for half a minute. */
export function createCachedReader(
  ask: (name: string) => Promise<SecretReading>,
  monotonicMs: () => number,
): CachedReader {
  const entries = new Map<string, Entry>();
  return {
    forget: () => entries.clear(),
    read: async (name) => {
      const known = entries.get(name);
      if (known !== undefined && known.until > monotonicMs()) return known.reading;
      const reading = ask(name);
      const entry: Entry = { until: Number.POSITIVE_INFINITY, reading };
      entries.set(name, entry);
      const keepFor = (freshMs: number): void => {
        if (entries.get(name) === entry) entries.set(name, { reading, until: monotonicMs() + freshMs });
      };
      try {
        const result = await reading;
        keepFor(result.kind === "value" ? valueFreshMs : failureFreshMs);
        return result;
      } catch (error) {
        keepFor(failureFreshMs);
        throw error;
      }
    },
  };
}
