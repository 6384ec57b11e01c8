import { WorkspaceError, type WorkspaceRecord } from "@clauderon/core/contract";

const SHOWN = 20;

/** A few names for a sentence, escape sequences made visible. */
export function listed(files: readonly string[]): string {
  const shown = files.slice(0, 5).map(shownPath).join(", ");
  return files.length > 5 ? `${shown} and ${String(files.length - 5)} more` : shown;
}

function shownPath(path: string): string {
  return /[\p{Cc}"\\]/u.test(path) ? JSON.stringify(path) : path;
}

interface Refusal {
  readonly message: string;
  readonly why: string;
  readonly fix: readonly [string, ...string[]];
  readonly context?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export function refused({ message, why, fix, context = {}, cause }: Refusal): WorkspaceError {
  return new WorkspaceError({ code: "merge.refused", message, why, fix, context, cause });
}

export function conflicts(call: {
  readonly name: string;
  readonly target: string;
  readonly files: readonly string[];
  readonly fix: readonly [string, ...string[]];
}): WorkspaceError {
  const { name, target, files, fix } = call;
  return new WorkspaceError({
    code: "merge.conflict",
    message: `The work of session ${name} conflicts with ${target} in ${files.length === 1 ? "1 file" : `${String(files.length)} files`}`,
    why: `${listed(files)}; nothing was changed`,
    fix,
    context: { session: name, files: files.slice(0, SHOWN) },
  });
}

export function inTheWay(call: {
  readonly workTree: string;
  readonly files: readonly string[];
  readonly doing: string;
}): WorkspaceError {
  const { workTree, files, doing } = call;
  return refused({
    message: `${doing} would overwrite ${files.length === 1 ? "a file" : `${String(files.length)} files`} of yours in ${workTree}`,
    why: `changed, staged or untracked there: ${listed(files)}; nothing was changed`,
    fix: [
      `commit or stash them: git -C '${workTree}' stash push --include-untracked`,
      "or move those that git ignores out of the way, and try again",
    ],
    context: { workTree, files: files.slice(0, SHOWN) },
  });
}

export function isBusy(workTree: string, what: string): WorkspaceError {
  return refused({
    message: `${workTree} is in the middle of a ${what}`,
    why: "what is checked out there is neither one commit nor another",
    fix: [`end it: git -C '${workTree}' status says how`],
    context: { workTree, what },
  });
}

export function uncommitted(record: WorkspaceRecord, name: string, files: readonly string[]): WorkspaceError {
  return refused({
    message: `Session ${name} has work that is not committed`,
    why: `a merge takes commits alone: ${listed(files)}`,
    fix: [
      `commit it: clauderon exec ${name} -- git add --all && clauderon exec ${name} -- git commit -m MESSAGE`,
      `or bring everything over as uncommitted changes: clauderon apply ${name}`,
      `or leave it behind: clauderon merge ${name} --committed-only`,
    ],
    context: { session: name, path: record.path, files: files.slice(0, SHOWN) },
  });
}

export function workspaceGone(record: WorkspaceRecord, name: string): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.missing",
    message: `The worktree ${record.path} is gone`,
    why: "the directory, its entry in the repository, or the repository itself was removed",
    fix: [
      `make it again: clauderon start ${name}`,
      `its commits are on a branch: git -C '${record.repositoryPath}' merge ${record.branch}`,
    ],
    context: { path: record.path, repository: record.repositoryPath },
  });
}

export function branchLost(call: {
  readonly record: WorkspaceRecord;
  readonly branch: string;
  readonly last: string | undefined;
}): WorkspaceError {
  const { record, branch, last } = call;
  return refused({
    message: `The branch ${branch} of the session is gone`,
    why: "it was deleted while the session's worktree has it checked out",
    fix: [
      last === undefined
        ? `put it back: git -C '${record.path}' branch ${branch} COMMIT`
        : `put it back where it was: git -C '${record.path}' update-ref refs/heads/${branch} ${last}`,
    ],
    context: { branch, commit: last },
  });
}

export function branchPushedAway(call: {
  readonly record: WorkspaceRecord;
  readonly branch: string;
  readonly last: string;
  readonly now: string;
}): WorkspaceError {
  const { record, branch, last, now } = call;
  return refused({
    message: `The branch ${branch} was moved from outside the session`,
    why: `the session's worktree left it at ${last.slice(0, 12)}, it is at ${now.slice(0, 12)} now`,
    fix: [
      `put it back where the session left it: git -C '${record.path}' reset --soft ${last}`,
      `or take it as it is: git -C '${record.path}' reset --soft ${now}`,
    ],
    context: { branch, last, now },
  });
}

export function movedMeanwhile(branch: string, cause?: unknown): WorkspaceError {
  return refused({
    message: `The branch ${branch} was moved meanwhile`,
    why: "somebody committed to it in this moment; nothing was changed",
    fix: ["try again"],
    context: { branch },
    cause,
  });
}

export function locked(lock: string, workTree: string): WorkspaceError {
  return refused({
    message: `Another git works in ${workTree}`,
    why: `${lock} exists`,
    fix: ["let it end and try again", `when no git runs there, one has died: rm '${lock}'`],
    context: { lock },
  });
}
