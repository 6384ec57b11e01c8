import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const REST_MS = 50;
/** After that it is read as it is. */
const MOST_LOOKS = 20;

export interface SettingsPlaces {
  readonly home: string;
  readonly userHome: string;
  /** Files that the settings in force name. */
  readonly others: () => readonly string[];
}

/** Reads the proxy's settings again when one of their files has changed. */
export class SettingsWatch {
  readonly #places: SettingsPlaces;
  readonly #reload: () => Promise<unknown>;
  /** By path, as they were before the settings in force were read. */
  #seen: ReadonlyMap<string, string>;

  private constructor(places: SettingsPlaces, reload: () => Promise<unknown>, seen: ReadonlyMap<string, string>) {
    this.#places = places;
    this.#reload = reload;
    this.#seen = seen;
  }

  static async begin(places: SettingsPlaces, reload: () => Promise<unknown>): Promise<SettingsWatch> {
    return new SettingsWatch(places, reload, await marks(places, []));
  }

  /** True when they were read. Rejects as the reading does, each time until the file is corrected. */
  async reloadIfChanged(): Promise<boolean> {
    let found = await this.#marks();
    // A file that is named for the first time is read once more: it may have changed since.
    if (isIn(found, this.#seen)) return false;
    // Who writes in place empties the file first, which would leave out what it denies: it is read when it rests.
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      const before = found;
      await delay(REST_MS);
      found = await this.#marks();
      if (isIn(found, before)) break;
    }
    await this.#reload();
    this.#seen = found;
    return true;
  }

  #marks(): Promise<Map<string, string>> {
    return marks(this.#places, this.#places.others());
  }
}

function isIn(some: ReadonlyMap<string, string>, all: ReadonlyMap<string, string>): boolean {
  return [...some].every(([path, value]) => all.get(path) === value);
}

async function marks({ home, userHome }: SettingsPlaces, others: readonly string[]): Promise<Map<string, string>> {
  const paths = [join(home, "proxy.toml"), join(userHome, ".npmrc"), ...others];
  return new Map(await Promise.all(paths.map(async (path) => [path, await mark(path)] as const)));
}

async function mark(path: string): Promise<string> {
  try {
    const { mtimeNs, ino, size } = await stat(path, { bigint: true });
    return `${mtimeNs}-${ino}-${size}`;
  } catch {
    // Not there, or not to be read: reading it tells which.
    return "none";
  }
}
