import type { CallOptions } from "./call-options.ts";
import type { Session } from "./clauderon.ts";

/** Something that can be undone; the object of `clauderon undo list --json`. Stable: fields are only added. */
export interface UndoRecord {
  readonly schemaVersion: 1;
  /** What was done. */
  readonly kind: "delete" | "merge" | "apply" | "restore";
  /** Of the deleted session; of a merge, an application or a restoration its own. */
  readonly id: string;
  /** Of the session. */
  readonly name: string;
  /** ISO 8601, UTC: when it was done. */
  readonly at: string;
  /** The same as `at`. */
  readonly deletedAt: string;
  /** ISO 8601, UTC: from then on it may be removed for good. */
  readonly expiresAt: string;
  readonly backend: string;
  readonly agent: string;
  /** Absolute path of the repository. */
  readonly repository: string;
  /** Of the deleted session; the branch that was merged into, or checked out before a restoration; else empty. */
  readonly branch: string;
  /** Disk space that it takes. */
  readonly bytes: number;
}

export interface UndoRequest {
  /** Id or name of a deleted session; of several with one name, the one deleted last. Default: the session deleted last of all. */
  readonly reference?: string | undefined;
  /** Another name, when its own is taken. */
  readonly name?: string | undefined;
  /** Absolute path or URL of the repository, when it was moved. */
  readonly repository?: string | undefined;
}

/** What was taken back. */
export type TakenBack = Pick<UndoRecord, "schemaVersion" | "kind" | "id" | "name" | "repository" | "branch">;

/** Deleted sessions, kept for a while with all their work; merges, applications of changes, restorations of checkpoints. */
export interface Undo {
  /** Newest first. */
  list(options?: CallOptions): Promise<readonly UndoRecord[]>;
  /**
   * Brings a deleted session back, stopped: working tree, index, refs, conversation. It gets an id of its own. Rejects with `undo.not-found`, `undo.damaged`,
   * and where something is in the way with `session.name-taken`, `workspace.exists`, `workspace.branch-exists`, `workspace.branch-in-use`,
   * `repository.not-found`: nothing is overwritten, and the record stays.
   */
  restore(request?: UndoRequest, options?: CallOptions): Promise<Session>;
  /**
   * Takes a merge, an application of changes or the restoration of a checkpoint back, by id: branch and files are what they were. Rejects with `undo.not-found`, `undo.damaged`,
   * `repository.not-found`, and with `merge.refused` or `workspace.branch-in-use` when branch or files were changed since: nothing is overwritten, and
   * the record stays.
   */
  takeBack(id: string, options?: CallOptions): Promise<TakenBack>;
  /** Gives a record up for good, by id. Rejects with `undo.not-found`. */
  drop(id: string, options?: CallOptions): Promise<void>;
}
