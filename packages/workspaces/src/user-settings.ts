import type { GitConfigEntry } from "./git-config-file.ts";
import type { Git } from "./git.ts";

/** The few settings of the user's and the system's configuration that say how files are to be read. */
export interface UserSettings {
  read(signal?: AbortSignal): Promise<readonly GitConfigEntry[]>;
}

const FRESH_MS = 30_000;
const wanted =
  /^core\.(?:autocrlf|eol|excludesfile|attributesfile|ignorecase|filemode|symlinks|precomposeunicode|checkstat|trustctime)$/u;

/** Read by git itself, at most every 30 s. */
export function createUserSettings(git: Git): UserSettings {
  let known: { readonly at: number; readonly entries: readonly GitConfigEntry[] } | undefined;
  return {
    read: async (signal) => {
      if (known !== undefined && performance.now() - known.at < FRESH_MS) return known.entries;
      // No repository: `/dev/null` as the git directory leaves the system's and the user's files alone.
      const { stdout } = await git.act(["config", "--includes", "--list", "-z"], {
        cwd: "/",
        environment: { GIT_DIR: "/dev/null" },
        signal,
      });
      const entries = stdout.split("\0").flatMap((item) => {
        const end = item.indexOf("\n");
        const key = (end === -1 ? item : item.slice(0, end)).toLowerCase();
        return wanted.test(key) ? [{ key, value: end === -1 ? "true" : item.slice(end + 1) }] : [];
      });
      known = { at: performance.now(), entries };
      return entries;
    },
  };
}
