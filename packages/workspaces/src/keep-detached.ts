import { join } from "node:path";

import type { WorkspaceRecord, WorkspaceRemoval } from "@clauderon/core/contract";

import { branchNames, freeBranchName } from "./branch-names.ts";
import { readHead } from "./read-head.ts";
import { retryLocked } from "./retry-locked.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";
import type { WorktreeEntry } from "./worktree-entry.ts";

interface Place {
  readonly entry: WorktreeEntry | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Before a worktree goes: puts commits of its detached HEAD that no branch, tag or remote branch reaches on a branch of their own. Idempotent: what an
 * earlier call kept is found again.
 */
export async function keepDetached(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { entry, signal }: Place,
): Promise<WorkspaceRemoval["keptDetached"]> {
  const head = entry === undefined ? undefined : await detachedHead(tools, entry, signal);
  if (head === undefined) return undefined;
  const name = `${record.branch}-detached`;
  const known = await keptBefore(tools, record, { name, head });
  const exclude = known === undefined ? [] : [`--exclude=${known}`];
  const git = [`--git-dir=${record.commonDirectory}`];
  const reached = ["--not", ...exclude, "--branches", "--tags", "--remotes"];
  const { stdout } = await tools.git.inspect([...git, "rev-list", "--count", head, ...reached], { signal });
  const count = Number(stdout.trim());
  if (count === 0) return undefined;
  const branch = known ?? (await freeName(tools, record.commonDirectory, name));
  if (known === undefined) {
    // The empty old value: only if nobody has made it meanwhile.
    const args = [...git, "update-ref", `refs/heads/${branch}`, head, ""];
    await retryLocked(() => tools.git.act(args, { cwd: record.commonDirectory }));
  }
  return {
    name: branch,
    reason: `it holds ${count === 1 ? "1 commit" : `${String(count)} commits`} of a detached HEAD that nothing else reaches`,
  };
}

/** The commit of a HEAD that is on no branch. */
async function detachedHead(
  tools: WorkspaceTools,
  entry: WorktreeEntry,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const text = await tools.fileSystem.readText(join(entry.directory, "HEAD"));
  // Where refs are no files, HEAD says so by a name that cannot be.
  if (text?.startsWith("ref: ") === true && !text.includes("/.invalid")) return undefined;
  const { commit, ref } = await readHead(tools, entry.directory, signal);
  return ref === undefined ? commit : undefined;
}

async function keptBefore(
  { git }: WorkspaceTools,
  { commonDirectory }: WorkspaceRecord,
  { name, head }: { readonly name: string; readonly head: string },
): Promise<string | undefined> {
  const args = ["for-each-ref", `--points-at=${head}`, "--format=%(refname:lstrip=2)", `refs/heads/${name}*`];
  const { stdout } = await git.inspect([`--git-dir=${commonDirectory}`, ...args]);
  return stdout.split("\n").find((found) => found !== "" && /^(?:-\d+)?$/u.test(found.slice(name.length)));
}

/** Branches that may have been made for commits of a detached HEAD. */
export async function detachedBranches(
  { git, fileSystem }: WorkspaceTools,
  record: WorkspaceRecord,
): Promise<readonly string[]> {
  if ((await fileSystem.kindOf(record.commonDirectory)) === "absent") return [];
  const args = ["for-each-ref", "--format=%(refname:lstrip=2)", `refs/heads/${record.branch}-detached*`];
  return (await git.inspect([`--git-dir=${record.commonDirectory}`, ...args])).stdout.split("\n");
}

async function freeName({ git }: WorkspaceTools, commonDirectory: string, name: string): Promise<string> {
  const args = [`--git-dir=${commonDirectory}`, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"];
  const { stdout } = await git.inspect(args);
  return freeBranchName(name, branchNames(stdout.split("\n").filter((line) => line !== "")));
}
