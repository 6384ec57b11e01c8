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
  return Number((await walkUnreached(tools, record, { tips, countsOwn, options: ["--count"], signal })).trim());
}

interface UnreachedCall {
  readonly tips: readonly string[];
  readonly countsOwn: boolean;
  readonly signal: AbortSignal | undefined;
}

/** The same commits, from these tips alone: each with its parents, separated by spaces. */
export async function listUnreachedFrom(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: UnreachedCall,
): Promise<readonly string[]> {
  const listed = await walkUnreached(tools, record, { ...call, options: ["--parents"] });
  return listed.split("\n").filter((line) => line !== "");
}

async function walkUnreached(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: UnreachedCall & { readonly options: readonly string[] },
): Promise<string> {
  const { fileSystem, git } = tools;
  const { outside } = privatePlaces(record);
  const { tips, countsOwn, options, signal } = call;
  const isThere = (await fileSystem.kindOf(record.commonDirectory)) === "directory";
  const patterns = ["refs/heads", "refs/tags", "refs/remotes"];
  const theirs = isThere ? await refsOf(tools, record.commonDirectory, { patterns, signal }) : [];
  const own = ` refs/heads/${record.branch}`;
  const reached = theirs.filter((line) => countsOwn || !line.endsWith(own)).map(objectOf);
  const input = [...tips, ...[record.base, ...reached].map((commit) => `^${commit}`), ""].join("\n");
  // The repository's objects besides: a merge of the session's commits is there alone.
  const environment = {
    GIT_DIR: outside,
    ...(isThere ? { GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(join(record.commonDirectory, "objects")) } : {}),
  };
  const { stdout } = await git.inspect(["rev-list", ...options, "--ignore-missing", "--stdin"], {
    cwd: "/",
    environment,
    input,
    signal,
  });
  return stdout;
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
