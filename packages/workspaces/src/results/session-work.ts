import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { inspectStatus } from "../inspect-status.ts";
import type { GitTree } from "../own-git-directory.ts";
import type { StatusEntry } from "../porcelain-status.ts";
import { readHead, shortName } from "../read-head.ts";
import { treeOf } from "../read-workspace.ts";
import type { UserSettings } from "../user-settings.ts";
import { repositoryGone } from "../workspace-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { findWorktreeEntry } from "../worktree-entry.ts";
import { branchLost, branchPushedAway, isBusy, workspaceGone } from "./result-errors.ts";

/** What a session's worktree holds. */
export interface SessionWork {
  /** `head` is the commit that is checked out. */
  readonly tree: GitTree;
  readonly entries: readonly StatusEntry[];
}

interface SessionWorkCall {
  readonly name: string;
  readonly settings: UserSettings;
  readonly signal?: AbortSignal | undefined;
}

/** Refuses what is no whole: a worktree that is gone, a branch that was deleted or moved from outside, an operation in progress. */
export async function readSessionWork(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { name, settings, signal }: SessionWorkCall,
): Promise<SessionWork> {
  const { fileSystem } = tools;
  if ((await fileSystem.kindOf(record.commonDirectory)) !== "directory") throw repositoryGone(record);
  const entry = await findWorktreeEntry(fileSystem, record);
  const exists = (await fileSystem.kindOf(record.path)) === "directory";
  const gitDirectory = entry?.gitDirectory;
  const tree =
    gitDirectory === undefined || !exists ? undefined : await treeOf(tools, record, { gitDirectory, signal });
  if (tree === undefined || gitDirectory === undefined) throw workspaceGone(record, name);
  const { commit: head, ref } = await readHead(tools, gitDirectory, signal);
  const branch = shortName(ref) ?? record.branch;
  const last = lastLogged(await fileSystem.readText(join(gitDirectory, "logs", "HEAD")));
  if (head === undefined) throw branchLost({ record, branch, last });
  if (ref !== undefined && last !== undefined && last !== head)
    throw branchPushedAway({ record, branch, last, now: head });
  const busy = await inProgress(tools, gitDirectory);
  if (busy !== undefined) throw isBusy(record.path, busy);
  const entries = await inspectStatus(tools, tree, { settings, signal });
  if (entries.some(({ kind }) => kind === "unmerged")) throw isBusy(record.path, "merge");
  return { tree, entries };
}

const operations = {
  MERGE_HEAD: "merge",
  "rebase-merge": "rebase",
  "rebase-apply": "rebase",
  CHERRY_PICK_HEAD: "cherry-pick",
  REVERT_HEAD: "revert",
  BISECT_LOG: "bisect",
} as const;

/** What git is in the middle of, by gitrepository-layout(5). */
export async function inProgress({ fileSystem }: WorkspaceTools, gitDirectory: string): Promise<string | undefined> {
  for (const [name, what] of Object.entries(operations))
    if ((await fileSystem.kindOf(join(gitDirectory, name))) !== "absent") return what;
  return undefined;
}

/** The commit that HEAD had when git last moved it here. */
function lastLogged(text: string | undefined): string | undefined {
  const line = text?.trimEnd().split("\n").at(-1) ?? "";
  return /^[0-9a-f]{40,64} ([0-9a-f]{40,64}) /u.exec(line)?.[1];
}
