import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { quotePath } from "../own-git-directory.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { privatePlaces } from "./private-places.ts";

/**
 * Commits that came out of the sandbox or were made in the worktree, and that no reference of the user's repository reaches; the session's own branch
 * counts there only when asked for.
 */
export async function countUnreachedPrivate(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  {
    countsOwn = false,
    signal,
  }: { readonly countsOwn?: boolean | undefined; readonly signal?: AbortSignal | undefined },
): Promise<number> {
  const { outside } = privatePlaces(record);
  const { fileSystem, git } = tools;
  if ((await fileSystem.kindOf(outside)) !== "directory") return 0;
  const ours = await refsOf(tools, outside, {
    patterns: ["refs/heads", "refs/sandbox/heads", "refs/sandbox/HEAD"],
    signal,
  });
  const head = await git.inspect([`--git-dir=${outside}`, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"], {
    signal,
    accepts: [0, 1, 128],
  });
  const tips = [...ours.map(objectOf), ...(head.exitCode === 0 ? [head.stdout.trim()] : [])];
  return countUnreachedFrom(tools, record, { tips, countsOwn, signal });
}

/** The same of commits of the session's alone; `without`: what these reach does not count either. */
export async function countUnreachedFrom(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: {
    readonly tips: readonly string[];
    readonly without?: readonly string[] | undefined;
    readonly countsOwn: boolean;
    readonly signal: AbortSignal | undefined;
  },
): Promise<number> {
  const { fileSystem, git } = tools;
  const { outside } = privatePlaces(record);
  const { tips, without = [], countsOwn, signal } = call;
  const isThere = (await fileSystem.kindOf(record.commonDirectory)) === "directory";
  const patterns = ["refs/heads", "refs/tags", "refs/remotes"];
  const theirs = isThere ? await refsOf(tools, record.commonDirectory, { patterns, signal }) : [];
  const own = ` refs/heads/${record.branch}`;
  const reached = theirs.filter((line) => countsOwn || !line.endsWith(own)).map(objectOf);
  const input = [...tips, ...[record.base, ...reached, ...without].map((commit) => `^${commit}`), ""].join("\n");
  // The repository's objects besides: a merge of the session's commits is there alone.
  const environment = {
    GIT_DIR: outside,
    ...(isThere ? { GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(join(record.commonDirectory, "objects")) } : {}),
  };
  const { stdout } = await git.inspect(["rev-list", "--count", "--ignore-missing", "--stdin"], {
    cwd: "/",
    environment,
    input,
    signal,
  });
  return Number(stdout.trim());
}

async function refsOf(
  { git }: WorkspaceTools,
  directory: string,
  { patterns, signal }: { readonly patterns: readonly string[]; readonly signal: AbortSignal | undefined },
): Promise<readonly string[]> {
  const args = [`--git-dir=${directory}`, "for-each-ref", "--format=%(objectname) %(refname)", ...patterns];
  return (await git.inspect(args, { signal })).stdout.split("\n").filter((line) => line !== "");
}

function objectOf(line: string): string {
  return line.slice(0, line.indexOf(" "));
}
