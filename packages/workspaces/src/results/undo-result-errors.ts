import { WorkspaceError } from "@clauderon/core/contract";

import { listed, refused } from "./result-errors.ts";
import type { ResultRecord } from "./result-record.ts";

export function changedAfterwards(record: ResultRecord, files: readonly string[]): WorkspaceError {
  const { id, checkout, ref, result } = record;
  const place = checkout?.workTree ?? record.repositoryPath;
  const byHand =
    ref === undefined || result.how === "fast-forward"
      ? `or put them aside: git -C '${place}' stash push --include-untracked`
      : `or take it back with a commit: git -C '${place}' revert ${result.how === "merge" ? "-m 1 " : ""}${ref.after}`;
  return refused({
    message: `The ${result.kind === "merge" ? "merge" : "changes"} of session ${record.name} cannot be taken back: ${files.length === 1 ? "a file was" : `${String(files.length)} files were`} changed since`,
    why: `${listed(files)}; nothing is overwritten, and the record stays`,
    fix: [
      `make them what they were left as, then: clauderon undo ${id}`,
      byHand,
      `or give it up, the changes stay: clauderon undo drop ${id}`,
    ],
    context: { id, files: files.slice(0, 20) },
  });
}

export function branchMovedOn(record: ResultRecord, branch: string, now: string | undefined): WorkspaceError {
  const { id, ref, result } = record;
  const place = record.repositoryPath;
  const commit = ref?.after ?? "";
  return refused({
    message:
      now === undefined
        ? `The branch ${branch} is gone`
        : `The branch ${branch} has moved on since session ${record.name} was merged`,
    why: now === undefined ? "there is nothing to take the merge back from" : "commits that came after would be lost",
    fix: [
      now === undefined
        ? `make it again where it was before: git -C '${place}' branch ${branch} ${ref?.before ?? ""}`
        : result.how === "fast-forward"
          ? `take its commits back with new ones: git -C '${place}' revert ${ref?.before ?? ""}..${commit}`
          : `take it back with a new commit: git -C '${place}' revert ${result.how === "merge" ? "-m 1 " : ""}${commit}`,
      `or give the record up: clauderon undo drop ${id}`,
    ],
    context: { id, branch, now },
  });
}

export function checkedOutSince(record: ResultRecord, branch: string, place: string): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.branch-in-use",
    message: `The branch ${branch} is checked out at ${place}`,
    why: "it was checked out nowhere, or elsewhere, when the session was merged: those files would not follow",
    fix: [
      `take it back there: git -C '${place}' reset --keep ${record.ref?.before ?? ""}`,
      `or check out something else there: git -C '${place}' switch --detach; then: clauderon undo ${record.id}`,
    ],
    context: { id: record.id, branch, place },
  });
}

export function resultRepositoryGone(record: ResultRecord, before: string): WorkspaceError {
  return new WorkspaceError({
    code: "repository.not-found",
    message: `The repository ${record.repositoryPath} is gone`,
    why: `session ${record.name} was brought to it, and what is to be taken back is there`,
    fix: [
      "bring it back to where it was",
      `or give the record up: clauderon undo drop ${record.id}; the files that were replaced are in ${before}`,
    ],
    context: { id: record.id, repository: record.repositoryPath },
  });
}
