import { stat } from "node:fs/promises";
import { join } from "node:path";

export interface SettingsPlaces {
  readonly home: string;
  readonly userHome: string;
}

/** Reads the proxy's settings again when one of their files has changed. */
export class SettingsWatch {
  readonly #places: SettingsPlaces;
  readonly #reload: () => Promise<unknown>;
  #seen: string;

  private constructor(places: SettingsPlaces, reload: () => Promise<unknown>, seen: string) {
    this.#places = places;
    this.#reload = reload;
    this.#seen = seen;
  }

  static async begin(places: SettingsPlaces, reload: () => Promise<unknown>): Promise<SettingsWatch> {
    return new SettingsWatch(places, reload, await marks(places));
  }

  /** True when they were read. Rejects as the reading does, each time until the file is corrected. */
  async reloadIfChanged(): Promise<boolean> {
    const found = await marks(this.#places);
    if (found === this.#seen) return false;
    await this.#reload();
    this.#seen = found;
    return true;
  }
}

async function marks({ home, userHome }: SettingsPlaces): Promise<string> {
  const paths = [join(home, "proxy.toml"), join(userHome, ".npmrc")];
  const found = await Promise.all(paths.map(mark));
  return found.join(" ");
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
