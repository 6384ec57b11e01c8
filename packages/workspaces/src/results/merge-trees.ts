import type { CommandResult } from "@clauderon/core/contract";

import type { WorkspaceTools } from "../workspace-tools.ts";
import type { FileChange, TreeEntry } from "./result-record.ts";

interface GitPlace {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** `unrelated`: the two have no commit in common. */
export type MergedTree =
  | { readonly state: "clean"; readonly tree: string }
  | { readonly state: "conflicts"; readonly files: readonly string[] }
  | { readonly state: "unrelated" };

/** What a merge of two commits would be; no index, no working tree. */
export async function mergeTrees(
  { git }: WorkspaceTools,
  sides: readonly [ours: string, theirs: string],
  place: GitPlace,
): Promise<MergedTree> {
  const args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ...sides];
  const result: CommandResult = await git.act(args, { ...place, accepts: [0, 1, 128] });
  const [tree = "", ...files] = result.stdout.split("\0");
  if (result.exitCode === 0) return { state: "clean", tree };
  if (result.exitCode === 1 && tree !== "")
    return { state: "conflicts", files: [...new Set(files.filter((file) => file !== ""))] };
  if (/unrelated histories/u.test(result.stderr)) return { state: "unrelated" };
  await git.act(args, place);
  throw new Error("git merge-tree failed once and succeeded then");
}

/** The paths in which two trees differ. */
export async function differences(
  { git }: WorkspaceTools,
  sides: readonly [before: string, after: string],
  place: GitPlace,
): Promise<readonly FileChange[]> {
  const args = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", ...sides];
  const words = (await git.inspectBytes(args, place)).toString("latin1").split("\0");
  const changes: FileChange[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [oldMode = "", newMode = "", oldHash = "", newHash = ""] = (words[at] ?? "").slice(1).split(" ");
    const path = words[at + 1];
    if (path === undefined) break;
    changes.push({ path, before: entryOf(oldMode, oldHash), after: entryOf(newMode, newHash) });
  }
  return changes;
}

function entryOf(mode: string, hash: string): TreeEntry | undefined {
  return /^0+$/u.test(mode) ? undefined : { mode, hash };
}

export async function isAncestor(
  { git }: WorkspaceTools,
  pair: readonly [ancestor: string, commit: string],
  place: GitPlace,
): Promise<boolean> {
  const { exitCode } = await git.inspect(["merge-base", "--is-ancestor", ...pair], { ...place, accepts: [0, 1] });
  return exitCode === 0;
}

export async function mergeBase(
  { git }: WorkspaceTools,
  pair: readonly [string, string],
  place: GitPlace,
): Promise<string | undefined> {
  const { exitCode, stdout } = await git.inspect(["merge-base", ...pair], { ...place, accepts: [0, 1] });
  return exitCode === 0 ? stdout.trim() : undefined;
}
