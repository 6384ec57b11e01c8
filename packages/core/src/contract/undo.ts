import type { CallOptions } from "./call-options.ts";
import type { Session } from "./clauderon.ts";
import type { SessionId } from "./session.ts";

/** A deleted session that can be brought back; the object of `clauderon undo list --json`. Stable: fields are only added. */
export interface UndoRecord {
  readonly schemaVersion: 1;
  /** Of the deleted session. */
  readonly id: SessionId;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly deletedAt: string;
  /** ISO 8601, UTC: from then on it may be removed for good. */
  readonly expiresAt: string;
  readonly backend: string;
  readonly agent: string;
  /** Absolute path of the repository. */
  readonly repository: string;
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

/** Deleted sessions, kept for a while with all their work. */
export interface Undo {
  /** Newest first. */
  list(options?: CallOptions): Promise<readonly UndoRecord[]>;
  /**
   * Brings a deleted session back, stopped: working tree, index, refs, conversation. It gets an id of its own. Rejects with `undo.not-found`, `undo.damaged`,
   * and where something is in the way with `session.name-taken`, `workspace.exists`, `workspace.branch-exists`, `workspace.branch-in-use`,
   * `repository.not-found`: nothing is overwritten, and the record stays.
   */
  restore(request?: UndoRequest, options?: CallOptions): Promise<Session>;
  /** Gives a record up for good, by id. Rejects with `undo.not-found`. */
  drop(id: SessionId, options?: CallOptions): Promise<void>;
}
