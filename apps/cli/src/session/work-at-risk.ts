import { SessionError, type SessionDetail, type WorkspaceStatus } from "@clauderon/core/contract";

import { counted } from "../output/count.ts";

const SHOWN_FILES = 5;

/** What deleting would lose or leave hidden, as sentences; empty when there is nothing. */
export function describeRisk(
  status: WorkspaceStatus | undefined,
  keeps: { readonly branch: boolean; readonly worktree: boolean },
): readonly string[] {
  if (status === undefined || !status.exists) return [];
  const changed = status.staged + status.unstaged;
  const parts: string[] = [];
  if (!keeps.worktree && changed > 0)
    parts.push(`${counted(changed, "uncommitted change")} (${status.staged} staged, ${status.unstaged} unstaged)`);
  if (!keeps.worktree && status.untracked > 0) parts.push(counted(status.untracked, "untracked file"));
  if (!keeps.worktree && status.stashes !== undefined) parts.push(counted(status.stashes, "stash", "stashes"));
  if (!keeps.branch && status.unreachedCommits > 0)
    parts.push(`${counted(status.unreachedCommits, "commit")} that no other branch or remote has`);
  return parts;
}

export function workAtRisk(detail: SessionDetail, risks: readonly string[]): SessionError {
  const files = detail.workspaceStatus?.files ?? [];
  return new SessionError({
    code: "session.work-at-risk",
    message: `${detail.name} holds work that would be lost: ${risks.join(", ")}`,
    why: files.length === 0 ? undefined : describeFiles(files),
    fix: [
      `look at it: clauderon diff ${detail.name}`,
      `keep the files: clauderon delete ${detail.name} --keep-worktree --keep-branch`,
      `delete all the same: clauderon delete ${detail.name} --discard`,
    ],
    context: {
      staged: detail.workspaceStatus?.staged,
      unstaged: detail.workspaceStatus?.unstaged,
      untracked: detail.workspaceStatus?.untracked,
      unreachedCommits: detail.workspaceStatus?.unreachedCommits,
    },
  });
}

export function describeFiles(files: readonly string[]): string {
  const more = files.length > SHOWN_FILES ? `, and ${files.length - SHOWN_FILES} more` : "";
  return `${files.slice(0, SHOWN_FILES).join(", ")}${more}`;
}
