import { asWithLfs } from "./lfs-pointers.ts";
import { type GitTree, makeOwnGitDirectory } from "./own-git-directory.ts";
import { parsePorcelainStatus, readablePath, type StatusEntry } from "./porcelain-status.ts";
import type { UserSettings } from "./user-settings.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** So many paths are named. */
export const SHOWN_NAMES = 20;

export interface InspectOptions {
  readonly settings: UserSettings;
  readonly signal?: AbortSignal | undefined;
}

/** What a working tree holds that no commit does. Writes nothing into the tree or its index and runs no program of the repository. */
export async function inspectStatus(
  tools: WorkspaceTools,
  tree: GitTree,
  { settings, signal }: InspectOptions,
): Promise<readonly StatusEntry[]> {
  await using own = await makeOwnGitDirectory(tools, tree, { use: "read", settings: await settings.read(signal) });
  const args = ["status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"];
  const call = { cwd: tree.workTree, environment: own.environment, signal };
  const entries = parsePorcelainStatus(await tools.git.inspectBytes(args, call));
  return await asWithLfs(tools, tree, { entries, ...call });
}

export interface StatusCounts {
  readonly staged: number;
  readonly unstaged: number;
  readonly untracked: number;
  readonly files: readonly string[];
}

export function countStatus(entries: readonly StatusEntry[]): StatusCounts {
  return {
    staged: entries.filter(({ index }) => index !== ".").length,
    unstaged: entries.filter(({ kind, workTree }) => kind !== "untracked" && workTree !== ".").length,
    untracked: entries.filter(({ kind }) => kind === "untracked").length,
    files: entries.slice(0, SHOWN_NAMES).map(({ path }) => readablePath(path)),
  };
}
