import { createHash } from "node:crypto";
import { dirname, join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { draftPath } from "./draft-checkout.ts";
import { findCheckout } from "./plan-workspace.ts";
import { takeDownPrivate } from "./private/take-down-private.ts";
import { retryLocked } from "./retry-locked.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";
import { findWorktreeEntry } from "./worktree-entry.ts";

/**
 * Removes the worktree's directory and its one entry in the repository, whatever of the two is left. Each is renamed first, to a name that says whose it
 * was: a removal cut short is finished by the next, and nothing half-removed is ever taken for a worktree.
 */
export async function takeDown(
  { fileSystem }: WorkspaceTools,
  record: WorkspaceRecord,
  sessionId: string,
): Promise<void> {
  if (record.kind !== "worktree") return takeDownPrivate({ fileSystem }, record);
  const id = createHash("sha256").update(sessionId).digest("hex").slice(0, 16);
  const trash = join(dirname(record.path), `.removing-${id}`);
  await fileSystem.remove(trash);
  await fileSystem.remove(draftPath(dirname(record.path), sessionId));
  if ((await fileSystem.kindOf(record.path)) !== "absent") {
    await fileSystem.rename(record.path, trash);
    await fileSystem.remove(trash);
  }
  const entryTrash = join(record.commonDirectory, `clauderon-removing-${id}`);
  await fileSystem.remove(entryTrash);
  const entry = await findWorktreeEntry(fileSystem, record, sessionId);
  if (entry !== undefined) {
    await fileSystem.rename(entry.directory, entryTrash);
    await fileSystem.remove(entryTrash);
  }
  await fileSystem.removeIfEmpty(join(record.commonDirectory, "worktrees"));
}

/** The branch's commit; `undefined` when there is no such branch, or no repository any more. */
export async function tipOf(
  { git, fileSystem }: WorkspaceTools,
  record: WorkspaceRecord,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if ((await fileSystem.kindOf(record.commonDirectory)) === "absent") return undefined;
  const args = [
    `--git-dir=${record.commonDirectory}`,
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `refs/heads/${record.branch}^{commit}`,
  ];
  const { exitCode, stdout } = await git.inspect(args, { signal, accepts: [0, 1] });
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** Commits that the tips reach and no branch (but this one), tag or remote branch does. */
export async function countUnreached(
  { git }: WorkspaceTools,
  record: WorkspaceRecord,
  call: { readonly tips: readonly string[]; readonly signal?: AbortSignal | undefined },
): Promise<number> {
  if (call.tips.length === 0) return 0;
  const args = [
    `--git-dir=${record.commonDirectory}`,
    "rev-list",
    "--count",
    ...call.tips,
    "--not",
    `--exclude=${record.branch}`,
    "--branches",
    "--tags",
    "--remotes",
  ];
  return Number((await git.inspect(args, { signal: call.signal })).stdout.trim());
}

/** Deletes the branch only while it is at this commit. */
export async function deleteBranch({ git }: WorkspaceTools, record: WorkspaceRecord, tip: string): Promise<void> {
  const args = [`--git-dir=${record.commonDirectory}`, "update-ref", "-d", `refs/heads/${record.branch}`, tip];
  await retryLocked(() => git.act(args, { cwd: record.commonDirectory }));
}

/** Takes back a branch that nobody has worked on. True when it is gone. */
export async function deleteBranchAtBase(tools: WorkspaceTools, record: WorkspaceRecord): Promise<boolean> {
  if (!record.isOwnBranch) return true;
  const tip = await tipOf(tools, record);
  if (tip === undefined) return true;
  if (tip !== record.base || (await findCheckout(tools, record)) !== undefined) return false;
  await deleteBranch(tools, record, tip);
  return true;
}
