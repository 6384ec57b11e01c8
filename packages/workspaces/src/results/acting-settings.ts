import type { GitConfigEntry } from "../git-config-file.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

/** Of the user's and the system's files: who commits, how it is signed, how files are merged and written. */
const fromUser =
  /^(?:(?:user|author|committer|gpg|commit|merge|filter)\..+|core\.(?:autocrlf|eol|safecrlf|excludesfile|attributesfile|ignorecase|filemode|symlinks|precomposeunicode|checkstat|trustctime))$/u;
/** Of the repository's: words alone, no program and no path. */
const fromRepository =
  /^(?:(?:user|author|committer)\.(?:name|email)|user\.(?:signingkey|useconfigonly)|commit\.gpgsign|gpg\.format)$/u;

/**
 * What acting for the user in this repository goes by. Git reads it with the repository's own git directory, so that the user's conditional includes
 * (`includeIf "gitdir:…"`) count; reading runs nothing.
 */
export async function actingSettings(
  { git }: WorkspaceTools,
  gitDirectory: string,
  signal: AbortSignal | undefined,
): Promise<readonly GitConfigEntry[]> {
  const args = [`--git-dir=${gitDirectory}`, "config", "--includes", "--show-scope", "--list", "-z"];
  const words = (await git.act(args, { cwd: gitDirectory, signal })).stdout.split("\0");
  const entries: GitConfigEntry[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [scope, setting = ""] = [words[at], words[at + 1]];
    const end = setting.indexOf("\n");
    const key = end === -1 ? setting : setting.slice(0, end);
    const wanted = scope === "system" || scope === "global" ? fromUser : fromRepository;
    if (scope !== "command" && wanted.test(key))
      entries.push({ key, value: end === -1 ? "true" : setting.slice(end + 1) });
  }
  return entries;
}

/** The last of several wins, as in git. */
export function isSet(settings: readonly GitConfigEntry[], key: string): boolean {
  const value = settings.findLast((entry) => entry.key === key)?.value.toLowerCase();
  return value !== undefined && ["true", "yes", "on", "1"].includes(value);
}
