import { dirname, join } from "node:path";

import { WorkspaceError, type WorkspaceRecord } from "@clauderon/core/contract";

import type { GitTree } from "../own-git-directory.ts";
import { findCheckout, isBranchName } from "../plan-workspace.ts";
import { locateRepository } from "../resolve-repository.ts";
import { branchInUse } from "../workspace-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { refused } from "./result-errors.ts";
import { inProgress } from "./session-work.ts";

/** The working tree that sessions are made from. */
export interface UserCheckout extends GitTree {
  /** Short name; absent when detached. */
  readonly branch?: string | undefined;
}

/** `undefined` for a bare repository. */
export async function findUserCheckout(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  signal?: AbortSignal,
): Promise<UserCheckout | undefined> {
  const { workTree, ...found } = await locateRepository(tools, record.repositoryPath, signal);
  if (found.commonDirectory !== record.commonDirectory) {
    throw new WorkspaceError({
      code: "repository.not-found",
      message: `${record.repositoryPath} is another repository than the session's`,
      why: `the session's is ${record.commonDirectory}`,
      fix: ["bring the session's repository back to where it was"],
      context: { path: record.repositoryPath },
    });
  }
  if (workTree === undefined) return undefined;
  return { ...found, workTree, branch: await headBranch(tools, found.gitDirectory, signal) };
}

export async function headBranch(
  { git }: WorkspaceTools,
  gitDirectory: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const args = [`--git-dir=${gitDirectory}`, "symbolic-ref", "--quiet", "HEAD"];
  const { exitCode, stdout } = await git.inspect(args, { signal, accepts: [0, 1, 128] });
  const ref = stdout.replace(/\n$/u, "");
  return exitCode === 0 && ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : undefined;
}

/** A branch to merge into. */
export interface Target {
  /** Short name. */
  readonly branch: string;
  readonly commit: string;
  /** Where it is checked out; absent: nowhere. */
  readonly checkout?: UserCheckout | undefined;
}

export interface TargetCall {
  readonly name: string;
  readonly into?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The branch to merge into, and the working tree that goes with it. */
export async function findTarget(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { name, into, signal }: TargetCall,
): Promise<Target> {
  const checkout = await findUserCheckout(tools, record, signal);
  const branch = into ?? checkout?.branch;
  if (branch === undefined) throw noBranch(record, name, checkout === undefined);
  if (branch === record.branch) {
    throw refused({
      message: `${branch} is the session's own branch`,
      why: "its commits are there already",
      fix: [`name the branch to merge into: clauderon merge ${name} --into BRANCH`],
      context: { branch },
    });
  }
  const commit = isBranchName(branch) ? await branchCommit(tools, record.commonDirectory, branch) : undefined;
  if (commit === undefined) {
    throw new WorkspaceError({
      code: "workspace.base-not-found",
      message: `There is no branch ${JSON.stringify(branch)} in ${record.repositoryPath}`,
      why: "a merge needs a branch with at least one commit",
      fix: [
        `see the branches: git -C '${record.repositoryPath}' branch --list`,
        `make it: git -C '${record.repositoryPath}' branch NAME COMMIT`,
      ],
      context: { branch },
    });
  }
  if (checkout?.branch === branch) return { branch, commit, checkout };
  const place = await placeOf(tools, record.commonDirectory, branch);
  if (place !== undefined) throw elsewhere(branch, place, record);
  return { branch, commit };
}

/** Where a branch is checked out, or rebased or bisected. */
export async function placeOf(
  tools: WorkspaceTools,
  commonDirectory: string,
  branch: string,
): Promise<string | undefined> {
  const place = await findCheckout(tools, { commonDirectory, branch });
  if (place !== undefined) return place;
  const parent = join(commonDirectory, "worktrees");
  const entries = (await tools.fileSystem.names(parent)).map((name) => join(parent, name));
  for (const directory of [commonDirectory, ...entries]) {
    if ((await inProgress(tools, directory)) === undefined) continue;
    const files = [join("rebase-merge", "head-name"), join("rebase-apply", "head-name"), "BISECT_START"];
    for (const file of files) {
      const text = (await tools.fileSystem.readText(join(directory, file)))?.trim();
      if (text === branch || text === `refs/heads/${branch}`) {
        const link = await tools.fileSystem.readText(join(directory, "gitdir"));
        return dirname(link?.trim() ?? directory);
      }
    }
  }
  return undefined;
}

/** `undefined` when there is no such branch, or it has no commit. */
export async function branchCommit(
  { git }: WorkspaceTools,
  commonDirectory: string,
  branch: string,
): Promise<string | undefined> {
  // No expression: `main~1` is no branch.
  const args = [`--git-dir=${commonDirectory}`, "show-ref", "--verify", "--hash", "--", `refs/heads/${branch}`];
  const { exitCode, stdout } = await git.inspect(args, { accepts: [0, 1, 128] });
  return exitCode === 0 ? stdout.trim() : undefined;
}

function elsewhere(branch: string, place: string, record: WorkspaceRecord): WorkspaceError {
  const { why, context } = branchInUse(branch, place);
  return new WorkspaceError({
    code: "workspace.branch-in-use",
    message: `The branch ${branch} is checked out at ${place}`,
    why: why ?? "its files would not follow",
    fix: [
      `merge there: git -C '${place}' merge ${record.branch}`,
      `or check out something else there: git -C '${place}' switch --detach`,
    ],
    context,
  });
}

function noBranch(record: WorkspaceRecord, name: string, isBare: boolean): WorkspaceError {
  return refused({
    message: "It is not clear which branch to merge into",
    why: isBare
      ? `${record.repositoryPath} has no working tree`
      : `no branch is checked out in ${record.repositoryPath}`,
    fix: [`name it: clauderon merge ${name} --into BRANCH`],
    context: { path: record.repositoryPath },
  });
}
