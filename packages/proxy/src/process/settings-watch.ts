import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const REST_MS = 50;
/** How often a file looks the same that is read. */
const LOOKS = 1;
/** The same for one that has become shorter: its writer, who emptied it first, may have no processor for that long. */
const SHORTER_LOOKS = 20;
/** After that it is read as it is. */
const MOST_LOOKS = 60;

/** A file as it was looked at; with a length of 0 it may not be there. */
interface Mark {
  readonly version: string;
  readonly bytes: bigint;
}

type Marks = ReadonlyMap<string, Mark>;

export interface SettingsPlaces {
  readonly home: string;
  readonly userHome: string;
  /** Files that the settings in force name. */
  readonly others: () => readonly string[];
  /** Default: as long as it says. */
  readonly wait?: ((ms: number) => Promise<unknown>) | undefined;
}

/** Reads the proxy's settings again when one of their files has changed. */
export class SettingsWatch {
  readonly #places: SettingsPlaces;
  readonly #reload: () => Promise<unknown>;
  /** By path, as they were before the settings in force were read. */
  #seen: Marks;

  private constructor(places: SettingsPlaces, reload: () => Promise<unknown>, seen: Marks) {
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
    const { wait = delay } = this.#places;
    for (let looks = 0, same = 0; looks < MOST_LOOKS; looks += 1) {
      const before = found;
      await wait(REST_MS);
      found = await this.#marks();
      same = isIn(found, before) ? same + 1 : 0;
      if (same >= (isShorter(found, this.#seen) ? SHORTER_LOOKS : LOOKS)) break;
    }
    await this.#reload();
    this.#seen = found;
    return true;
  }

  #marks(): Promise<Marks> {
    return marks(this.#places, this.#places.others());
  }
}

function isIn(some: Marks, all: Marks): boolean {
  return [...some].every(([path, { version }]) => all.get(path)?.version === version);
}

function isShorter(found: Marks, before: Marks): boolean {
  return [...found].some(([path, { bytes }]) => bytes < (before.get(path)?.bytes ?? 0n));
}

async function marks({ home, userHome }: SettingsPlaces, others: readonly string[]): Promise<Marks> {
  const paths = [join(home, "proxy.toml"), join(userHome, ".npmrc"), ...others];
  return new Map(await Promise.all(paths.map(async (path) => [path, await mark(path)] as const)));
}

async function mark(path: string): Promise<Mark> {
  try {
    const { mtimeNs, ino, size } = await stat(path, { bigint: true });
    return { version: `${mtimeNs}-${ino}-${size}`, bytes: size };
  } catch {
    // Not there, or not to be read: reading it tells which.
    return { version: "none", bytes: 0n };
  }
}
