import type { CallOptions } from "./call-options.ts";
import type { WorkspaceRecord } from "./workspace.ts";

/** Why a checkpoint was made: asked for, or before something that replaces or uses the session's work. */
export type CheckpointTrigger = "user" | "restore" | "merge";

/** A state of a workspace that can be gone back to: files that are not ignored, index, HEAD, operations in progress. */
export interface WorkspaceCheckpoint {
  readonly id: string;
  readonly sessionId: string;
  /** Of the session. */
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly trigger: CheckpointTrigger;
  readonly note?: string | undefined;
  /** Commit that was checked out; absent on a branch without commits. */
  readonly head?: string | undefined;
  /** Branch that was checked out, short name; absent when detached. */
  readonly branch?: string | undefined;
  readonly repositoryPath: string;
  readonly commonDirectory: string;
  /** How many files and links it holds. */
  readonly files: number;
  /** Paths that it does not hold: nested repositories, pipes and the like. */
  readonly skipped: readonly string[];
  /** As given to `create`; plain JSON. */
  readonly session: unknown;
}

export interface WorkspaceCheckpointRequest {
  readonly id: string;
  readonly sessionId: string;
  readonly name: string;
  readonly at: string;
  readonly trigger: CheckpointTrigger;
  readonly note?: string | undefined;
  /** Plain JSON, kept with it. */
  readonly session: unknown;
  /** What the terminal shows, kept with it. */
  readonly scrollback?: string | undefined;
}

export interface WorkspaceCheckpointRestoration {
  /** What was there before it. */
  readonly before: WorkspaceCheckpoint;
  /** What could not be made as it was, a sentence each. */
  readonly notices: readonly string[];
}

/** The checkpoints of this home's workspaces. */
export interface WorkspaceCheckpoints {
  /**
   * What is caught is a moment per file: an agent that writes meanwhile may have written one file before it and the next after it. Idempotent by id. On
   * failure nothing of it is left. Rejects with `workspace.missing`, `checkpoint.refused`.
   */
  create(
    record: WorkspaceRecord,
    request: WorkspaceCheckpointRequest,
    options?: CallOptions,
  ): Promise<WorkspaceCheckpoint>;
  /** Newest first; of one session, or of all. What cannot be read is left out and logged. */
  list(sessionId?: string, options?: CallOptions): Promise<readonly WorkspaceCheckpoint[]>;
  /** Rejects with `checkpoint.not-found`, `checkpoint.damaged`. */
  get(id: string, options?: CallOptions): Promise<WorkspaceCheckpoint>;
  /** What the terminal showed; `undefined` when nothing was kept. */
  scrollback(id: string, options?: CallOptions): Promise<string | undefined>;
  /**
   * Makes a session's workspace what it was at the checkpoint; ignored files stay. `before` names the checkpoint that is made first of what is there. All or
   * nothing: on failure everything is as before. Idempotent by `before.id`. Nobody may work in the workspace meanwhile: what is written is noticed, and
   * refused. Rejects with `checkpoint.not-found`, `checkpoint.damaged`, `checkpoint.refused`, `workspace.missing`.
   */
  restore(
    record: WorkspaceRecord,
    call: { readonly id: string; readonly before: WorkspaceCheckpointRequest } & CallOptions,
  ): Promise<WorkspaceCheckpointRestoration>;
  /** After a crash: what had replaced all files is ended, the rest is taken back. The result of the last one, when it was ended: whoever asked for it may have died. Idempotent. */
  settle(record: WorkspaceRecord, sessionId: string): Promise<WorkspaceCheckpointRestoration | undefined>;
  /** Gives checkpoints up for good. Idempotent. */
  remove(ids: readonly string[], options?: CallOptions): Promise<void>;
  /** Between two of them, of whatever sessions of one repository; without `to`, between one and what its session's workspace is now. */
  diff(
    call: {
      readonly from: string;
      readonly to?: string | undefined;
      /** Where the workspace of `from` is now. */
      readonly record?: WorkspaceRecord | undefined;
      readonly format?: "patch" | "stat" | "names" | undefined;
    } & CallOptions,
  ): Promise<string>;
  /** Disk space that the checkpoints of a session take. */
  bytesOf(sessionId: string): Promise<number>;
}
