import { stat } from "node:fs/promises";
import { join } from "node:path";

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
    const found = await marks(this.#places, this.#places.others());
    // A file that is named for the first time is read once more: it may have changed since.
    if ([...found].every(([path, value]) => this.#seen.get(path) === value)) return false;
    await this.#reload();
    this.#seen = found;
    return true;
  }
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
