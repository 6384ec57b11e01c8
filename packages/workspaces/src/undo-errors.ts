import { WorkspaceError } from "@clauderon/core/contract";

const wayOut = (tree: string): string => `or take the files out of it: cp -a '${tree}' SOMEWHERE`;

export function undoNotFound(id: string): WorkspaceError {
  return new WorkspaceError({
    code: "undo.not-found",
    message: `There is nothing to undo for ${JSON.stringify(id)}`,
    why: "no deleted session of that name or id is kept: it was put back already, given up, or its time is over",
    fix: ["see what there is: clauderon undo list"],
    context: { id },
  });
}

export function undoDamaged(id: string, why: string, tree: string): WorkspaceError {
  return new WorkspaceError({
    code: "undo.damaged",
    message: `What is kept of the deleted session ${id} cannot be put back`,
    why,
    fix: [`take the files out of it: cp -a '${tree}' SOMEWHERE`, `then give it up: clauderon undo drop ${id}`],
    context: { id, tree },
  });
}

export function undoPlaceTaken(id: string, path: string, tree: string): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.exists",
    message: `${path} exists already`,
    why: "the deleted session's worktree lay there, and nothing is overwritten",
    fix: [
      `put it back under another name: clauderon undo ${id} --as OTHER`,
      `or move the directory away: mv '${path}' SOMEWHERE`,
      wayOut(tree),
    ],
    context: { id, path },
  });
}

export function undoRepositoryGone(id: string, repository: string, tree: string): WorkspaceError {
  return new WorkspaceError({
    code: "repository.not-found",
    message: `The repository ${repository} of the deleted session is gone`,
    why: "a worktree can be put back only into the repository that it was taken from",
    fix: [`say where it is: clauderon undo ${id} --repository PATH`, "or bring it back to where it was", wayOut(tree)],
    context: { id, repository },
  });
}

export function undoForeignRepository(id: string, repository: string, tree: string): WorkspaceError {
  return new WorkspaceError({
    code: "repository.not-found",
    message: `${repository} has not what the deleted session was made of`,
    why: "commits of the session are not in it: it is another repository, or was made anew",
    fix: [`name the right one: clauderon undo ${id} --repository PATH`, wayOut(tree)],
    context: { id, repository },
  });
}

export function undoBranchMoved(
  branch: string,
  call: { readonly id: string; readonly commit: string },
): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.branch-exists",
    message: `The branch ${branch} is at another commit than when the session was deleted`,
    why: "the name was taken again or the branch was moved on, and nothing is overwritten",
    fix: [
      `give that branch another name: git branch --move ${branch} OTHER; then: clauderon undo ${call.id}`,
      `or look at the session's own commits: git log ${call.commit}`,
    ],
    context: { ...call, branch },
  });
}

export function undoHoldsSubmodules(id: string, tree: string): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.exists",
    message: "A worktree with submodules can be put back only to where it was",
    why: "the repositories of its submodules name their place",
    fix: [`put it back under its own name: clauderon undo ${id}`, wayOut(tree)],
    context: { id },
  });
}
