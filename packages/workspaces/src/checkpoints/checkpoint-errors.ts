import { WorkspaceError } from "@clauderon/core/contract";

const seeThem = "see what there is: clauderon checkpoint list";

export function checkpointNotFound(id: string): WorkspaceError {
  return new WorkspaceError({
    code: "checkpoint.not-found",
    message: `There is no checkpoint ${JSON.stringify(id)}`,
    why: "it was deleted, or its session was and its undo record is over",
    fix: [seeThem],
    context: { id },
  });
}

export function checkpointDamaged(id: string, why: string): WorkspaceError {
  return new WorkspaceError({
    code: "checkpoint.damaged",
    message: `The checkpoint ${id} cannot be used`,
    why,
    fix: ["use another one: clauderon checkpoint list", `and give this one up: clauderon checkpoint delete ${id}`],
    context: { id },
  });
}

/** Something in the workspace that a checkpoint cannot hold. */
export function cannotCapture(path: string, why: string): WorkspaceError {
  return new WorkspaceError({
    code: "checkpoint.refused",
    message: `${path} cannot be taken into a checkpoint`,
    why,
    fix: [`make it readable: chmod u+r '${path}'`, "or list it in a .gitignore, and try again"],
    context: { path },
  });
}

/** Files that were written while the state of all of them was being read or replaced. */
export function writtenMeanwhile(workTree: string, files: readonly string[], cause?: unknown): WorkspaceError {
  return new WorkspaceError({
    code: "checkpoint.refused",
    message: "Files were changed meanwhile",
    why: `something writes in ${workTree}${files.length === 0 ? "" : `: ${files.slice(0, 5).join(", ")}`}; nothing of it is lost`,
    fix: ["end what writes there, and try again"],
    context: { workTree, files: files.slice(0, 20) },
    ...(cause === undefined ? {} : { cause }),
  });
}

export function restoreRefused(message: string, why: string, fix: readonly [string, ...string[]]): WorkspaceError {
  return new WorkspaceError({ code: "checkpoint.refused", message, why, fix });
}

export function nestedInTheWay(path: string): WorkspaceError {
  return new WorkspaceError({
    code: "checkpoint.refused",
    message: `The nested repository ${path} is in the way`,
    why: "the checkpoint has files there, and nested repositories are never touched",
    fix: [`move it away: mv '${path}' SOMEWHERE`, "and try again"],
    context: { path },
  });
}
