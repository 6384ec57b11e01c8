/** How a session's commits go onto a branch. */
export interface MergeRequest {
  /** `merge` (default): the branch moves forward when it can, else a merge commit. `no-ff`: always a merge commit. `squash`: one commit with all of it. */
  readonly how?: "merge" | "no-ff" | "squash" | undefined;
  /** Short name of a branch; default: the one that is checked out where the session was made from. */
  readonly into?: string | undefined;
  /** Of the commit that is made. */
  readonly message?: string | undefined;
  /** Leaves uncommitted work of the session behind; without it such work is a reason to refuse. */
  readonly isCommittedOnly?: boolean | undefined;
}

/** What a session's work was brought to; the object of `clauderon merge --json` and `apply --json`. Stable: fields are only added. */
export interface SessionResult {
  readonly schemaVersion: 1;
  readonly kind: "merge" | "apply";
  /** Of the session. */
  readonly name: string;
  /** For `clauderon undo`; absent when nothing was changed or nothing is kept. */
  readonly undoId?: string | undefined;
  /** True when there was nothing to do. */
  readonly isUpToDate: boolean;
  readonly how: "fast-forward" | "merge" | "squash" | "files";
  /** Short name of the branch that was merged into. */
  readonly branch?: string | undefined;
  /** Commits of the branch. */
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  /** Absolute path of the working tree whose files were changed; absent when the branch is checked out nowhere. */
  readonly checkout?: string | undefined;
  /** Paths that differ from before. */
  readonly files: readonly string[];
}
