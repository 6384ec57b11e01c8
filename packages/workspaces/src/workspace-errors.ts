import { ClauderonError, WorkspaceError, type WorkspaceRecord } from "@clauderon/core/contract";

import { codeOf } from "./workspace-file-system.ts";

export function branchExists(branch: string, blockedBy?: string): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.branch-exists",
    message: blockedBy === undefined ? `The branch ${branch} exists already` : `The branch ${branch} cannot be made`,
    why:
      blockedBy === undefined
        ? "a session works on a new branch of its own unless told otherwise"
        : `the branch ${blockedBy} is in the way: git cannot have both names`,
    fix:
      blockedBy === undefined
        ? [`work on it: --branch ${branch}`, "or give the session another name"]
        : [
            `rename that branch: git branch --move ${blockedBy} OTHER`,
            "or set another prefix: clauderon config set workspace.branch_prefix OTHER/",
          ],
    context: { branch },
  });
}

export function branchInUse(branch: string, place: string): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.branch-in-use",
    message: `The branch ${branch} is checked out at ${place}`,
    why: "git lets one working tree at a time have a branch",
    fix: [
      `check out something else there: git -C '${place}' switch --detach`,
      "or leave out --branch to work on a new one",
    ],
    context: { branch, place },
  });
}

/** By a session that has the branch in a git directory of its own. */
export function branchTaken(branch: string, session: { readonly name: string; readonly path: string }): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.branch-in-use",
    message: `The session ${session.name} works on the branch ${branch}`,
    why: "what both commit could not become one branch",
    fix: [
      `delete or merge that session first: clauderon delete ${session.name}`,
      "or leave out --branch to work on a new one",
    ],
    context: { branch, place: session.path },
  });
}

export function pathExists(path: string, name: string): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.exists",
    message: `${path} exists already`,
    why: "a session's worktree goes to a directory of its own",
    fix: [`give the session another name than ${name}`, `or move the directory away: mv '${path}' SOMEWHERE`],
    context: { path },
  });
}

export function holdsWork(record: WorkspaceRecord, why: string): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.exists",
    message: `The worktree ${record.path} stays`,
    why,
    fix: [
      `look at it: git -C '${record.path}' status`,
      "commit what is wanted, or delete with --discard",
      "or keep the directory: --keep-worktree",
    ],
    context: { path: record.path, branch: record.branch },
  });
}

export function workspaceMissing(record: WorkspaceRecord): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.missing",
    message: `The worktree ${record.path} is gone`,
    why: "the directory, its entry in the repository, or the repository itself was removed",
    fix: ["make it again: clauderon start NAME", "or give the session up: clauderon delete NAME"],
    context: { path: record.path, repository: record.repositoryPath },
  });
}

export function repositoryGone(record: WorkspaceRecord): WorkspaceError {
  return new WorkspaceError({
    code: "repository.not-found",
    message: `The repository ${record.repositoryPath} is gone`,
    why: `its git directory ${record.commonDirectory} is not there any more`,
    fix: ["bring it back to where it was", "or give the session up: clauderon delete NAME --discard"],
    context: { path: record.repositoryPath },
  });
}

const systemFixes: Readonly<Partial<Record<string, readonly [string, ...string[]]>>> = {
  ENOSPC: ["free space on the disk and try again"],
  EDQUOT: ["free space within your quota and try again"],
  EROFS: ["make the file system writable, or set CLAUDERON_HOME to a directory that is"],
  EACCES: ["make the path writable for you, or set CLAUDERON_HOME to a directory that is"],
  EPERM: ["make the path writable for you, or set CLAUDERON_HOME to a directory that is"],
  ENOTDIR: ["set CLAUDERON_HOME to a directory"],
};

/** Errors of the operating system, as ones of ours; all others as they are. */
export function asWorkspaceError(error: unknown): unknown {
  const code = codeOf(error);
  if (
    ClauderonError.isInstance(error) ||
    code === undefined ||
    !(error instanceof Error) ||
    !/^E[A-Z0-9]+$/u.test(code)
  )
    return error;
  return new WorkspaceError({
    message: "Files of the workspace could not be read or written",
    why: error.message,
    fix: systemFixes[code] ?? ["mend what the system complains about and try again"],
    context: { errno: code },
    cause: error,
  });
}
