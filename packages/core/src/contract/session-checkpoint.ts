import type { CallOptions } from "./call-options.ts";
import type { SessionId } from "./session.ts";
import type { CheckpointTrigger } from "./workspace-checkpoint.ts";

/** A state of a session that can be gone back to; the object of `clauderon checkpoint list --json`. Stable: fields are only added. */
export interface SessionCheckpoint {
  readonly schemaVersion: 1;
  readonly id: string;
  readonly sessionId: SessionId;
  /** Name of the session, when it was made. */
  readonly session: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `user`: asked for; else before what it was made. */
  readonly trigger: CheckpointTrigger;
  readonly note?: string | undefined;
  /** Commit that was checked out. */
  readonly head?: string | undefined;
  /** Branch that was checked out; absent when none was. */
  readonly branch?: string | undefined;
  /** Absolute path. */
  readonly repository: string;
  /** How many files and links it holds. */
  readonly files: number;
  /** What lies in the worktree and is not in it: nested repositories, pipes. */
  readonly skipped: readonly string[];
}

/** A session that was made what it was at a checkpoint. */
export interface CheckpointRestoration {
  readonly schemaVersion: 1;
  readonly session: string;
  /** Of the checkpoint. */
  readonly id: string;
  /** What was replaced: a checkpoint, and the id for `clauderon undo`. */
  readonly undoId: string;
  /** True when its agent was ended for it. */
  readonly isStopped: boolean;
  /** What could not be made as it was, a sentence each. */
  readonly notices: readonly string[];
}

/** Checkpoints of sessions: files that are not ignored, index, commit, operations in progress, conversation, terminal. */
export interface SessionCheckpoints {
  /** While the agent writes, what is caught is a moment per file. Rejects with `session.not-found`, `checkpoint.refused`, `workspace.missing`. */
  create(
    session: string,
    request?: { readonly note?: string | undefined },
    options?: CallOptions,
  ): Promise<SessionCheckpoint>;
  /** Newest first; of one session, by name or id, or of all. */
  list(session?: string, options?: CallOptions): Promise<readonly SessionCheckpoint[]>;
  /** Ends the agent, and makes the workspace what it was; what it is now becomes a checkpoint first. All or nothing. Ignored files stay. Rejects with `checkpoint.not-found`, `checkpoint.damaged`, `checkpoint.refused`. */
  restore(session: string, id: string, options?: CallOptions): Promise<CheckpointRestoration>;
  /** For good. Rejects with `checkpoint.not-found` when one of them is not there; then none is deleted. */
  remove(ids: readonly string[], options?: CallOptions): Promise<void>;
  /** What the terminal showed when it was made; empty when nothing was kept. Rejects with `checkpoint.not-found`. */
  screen(id: string, options?: CallOptions): Promise<string>;
  /** A unified diff from one to another, or, without `to`, to what its session's workspace is now. */
  diff(
    call: {
      readonly from: string;
      readonly to?: string | undefined;
      readonly format?: "patch" | "stat" | "names" | undefined;
    },
    options?: CallOptions,
  ): Promise<string>;
}
