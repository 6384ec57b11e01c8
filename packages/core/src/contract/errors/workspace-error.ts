import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** A repository or workspace that cannot be used as asked. */
export class WorkspaceError extends ClauderonError<
  | "repository.not-found"
  | "repository.empty"
  | "repository.failed"
  | "workspace.base-not-found"
  | "workspace.branch-in-use"
  | "workspace.branch-exists"
  | "workspace.missing"
  | "workspace.include-refused"
  | "workspace.setup-failed"
  | "workspace.sync-failed"
  | "workspace.exists"
  | "checkpoint.not-found"
  | "checkpoint.damaged"
  | "checkpoint.refused"
  | "merge.conflict"
  | "merge.refused"
  | "undo.not-found"
  | "undo.damaged"
> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & {
      readonly code?:
        | "repository.not-found"
        | "repository.empty"
        | "repository.failed"
        | "workspace.base-not-found"
        | "workspace.branch-in-use"
        | "workspace.branch-exists"
        | "workspace.missing"
        | "workspace.include-refused"
        | "workspace.setup-failed"
        | "workspace.sync-failed"
        | "workspace.exists"
        | "checkpoint.not-found"
        | "checkpoint.damaged"
        | "checkpoint.refused"
        | "merge.conflict"
        | "merge.refused"
        | "undo.not-found"
        | "undo.damaged";
    },
  ) {
    super({ code: "repository.failed", ...options });
  }
}
