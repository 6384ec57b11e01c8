import type { CallOptions } from "./call-options.ts";
import type { OnCreationProgress } from "./creation-progress.ts";
import type { DoctorCheck } from "./doctor-report.ts";
import type { MergeRequest, SessionResult } from "./result.ts";
import type { WorkspaceMount } from "./sandbox-spec.ts";
import type { Sandbox } from "./sandbox.ts";
import type { WorkspaceCheckpoints } from "./workspace-checkpoint.ts";

/** A repository as found from what the user named. */
export interface RepositoryInfo {
  /** Absolute path of what sessions are made from: the root of the working tree that was named (main or linked), or the bare repository. */
  readonly path: string;
  /** Absolute path of the git directory shared by its worktrees. */
  readonly commonDirectory: string;
  /** Commit of HEAD. */
  readonly head: string;
  /** Short name, absent when detached. */
  readonly branch?: string | undefined;
}

/** What of a checkout no commit holds. */
export interface UncommittedChanges {
  /** Staged, unstaged and untracked paths. */
  readonly count: number;
  /** The first 20 of them. */
  readonly files: readonly string[];
}

/** Persisted with the session; enough to find everything again. */
export interface WorkspaceRecord {
  /**
   * `worktree`: linked to the repository. `private`: with git directories of its own, one for this machine and one for the sandbox. `remote`: the sandbox has working tree
   * and git directory to itself, and this machine a copy of both.
   */
  readonly kind: "worktree" | "private" | "remote";
  /** Absolute path of the working tree on this machine; of a `remote` one a copy, as of the last `sync`. */
  readonly path: string;
  readonly repositoryPath: string;
  readonly commonDirectory: string;
  /** Short name. */
  readonly branch: string;
  /** True when the branch was made for this session (and may be deleted with it). */
  readonly isOwnBranch: boolean;
  /** The commit the session started from: diffs are relative to it. */
  readonly base: string;
  /** With `private` and `remote`, and only there: absolute path of what holds the git directories of this machine. */
  readonly privateDirectory?: string | undefined;
}

/** Files that git does not track and that a new workspace gets a copy of. */
export interface WorkspaceInclude {
  /** As in a `.gitignore` at the repository's root. */
  readonly patterns: readonly string[];
  /** Whether the repository's own `.worktreeinclude` counts, too. */
  readonly isFileRead: boolean;
}

/** What a new workspace got besides its commit. */
export interface WorkspaceCreation {
  /** Copied from the user's checkout; relative to the repository's root. */
  readonly copied: readonly string[];
  /** What was named and not copied, a sentence each. */
  readonly notices: readonly string[];
}

export interface WorkspaceRequest {
  readonly sessionId: string;
  readonly name: string;
  readonly repository: RepositoryInfo;
  /** Any commit-ish; default HEAD. */
  readonly base?: string | undefined;
  /** An existing branch to work on; default: a new one, `<prefix><name>`. */
  readonly branch?: string | undefined;
  readonly branchPrefix: string;
  /** Copies the uncommitted changes of the user's checkout into the workspace; the checkout is only read. */
  readonly withChanges: boolean;
  /** Files and index become those of this checkpoint, whose commit is `base`; nothing of the user's checkout comes along then. */
  readonly checkpoint?: string | undefined;
  /** Copies of these files of the user's checkout come along; nothing when there is no checkout. */
  readonly include?: WorkspaceInclude | undefined;
  /** For backends whose workspace access is `mounted`: the sandbox gets a git directory of its own, which nothing on this machine ever opens. */
  readonly isPrivate?: boolean | undefined;
  /** For backends whose workspace access is `remote`: what the sandbox works on is brought there by `send` and back by `sync`. Not together with `isPrivate`. */
  readonly isRemote?: boolean | undefined;
}

/** What the user should know of a sandbox that has the workspace. */
export interface WorkspaceSending {
  /** Present when the sandbox of a remote workspace had nothing of it any more: since when it may have held more than has come out (ISO 8601, UTC). Said until the next `sync`. */
  readonly lostSince?: string | undefined;
  /** A sentence each. */
  readonly notices: readonly string[];
}

/** What came out of a sandbox's git directory. */
export interface WorkspaceSync {
  /** Commit of the sandbox's HEAD; absent on a branch without commits. */
  readonly head?: string | undefined;
  /** Short name of the branch that is checked out there; absent when detached. */
  readonly branch?: string | undefined;
  /** Branches (short names) with commits that were made on this machine's side; the sandbox has them as `host/<branch>`. */
  readonly hostBranches: readonly string[];
  /** Of a remote workspace: what stays in the sandbox alone, a sentence each; absent when nothing does. */
  readonly left?: readonly string[] | undefined;
  /** Present when asked for: disk space of ignored files inside. `isMore`: they take more than the limit, and have not come out. */
  readonly ignored?: { readonly bytes: number; readonly isMore: boolean } | undefined;
  /** What the user should know, a sentence each. */
  readonly notices: readonly string[];
}

/** What would be lost with the workspace. */
export interface WorkspaceStatus {
  /** False when the directory is gone. */
  readonly exists: boolean;
  readonly staged: number;
  readonly unstaged: number;
  readonly untracked: number;
  /** Commits of the branch that no other ref (branch, tag, remote branch) reaches. */
  readonly unreachedCommits: number;
  /** Stashes that would go with the workspace, when there are any: those of a linked worktree are the repository's, and stay. */
  readonly stashes?: number | undefined;
  /** Present and true when something was written to the git directory of a private workspace's sandbox since commits last came out: there may be more than is counted here. */
  readonly isBehind?: boolean | undefined;
  /** Up to 20 names of uncommitted paths. */
  readonly files: readonly string[];
  /** Present when asked for: disk space of ignored files. `isMore`: they take more than this, and were counted no further. */
  readonly ignored?: { readonly bytes: number; readonly isMore: boolean } | undefined;
  /** Present when the sandbox of a remote workspace may hold what this machine does not know of: since when. */
  readonly unsynced?: { readonly since: string } | undefined;
}

export interface WorkspaceRemoval {
  /** Absent when the branch was deleted or never was ours; else its name and why it stays. */
  readonly keptBranch?: { readonly name: string; readonly reason: string } | undefined;
  readonly keptWorktree?: string | undefined;
  /** A branch that was made for commits of a detached HEAD that no other ref reaches, and why. */
  readonly keptDetached?: { readonly name: string; readonly reason: string } | undefined;
  /** Branches that were made for commits of a workspace with git directories of its own, which its branch in the repository could not take, and why; absent when there are none. */
  readonly keptCommits?: readonly { readonly name: string; readonly reason: string }[] | undefined;
  /** True when everything the workspace held is in an undo record. */
  readonly hasUndoRecord?: boolean | undefined;
}

/** What a removed workspace held, kept to be put back: working tree with ignored files, index, refs, operations in progress. */
export interface WorkspaceUndoRecord {
  /** Of the session it was removed with. */
  readonly id: string;
  readonly name: string;
  /** ISO 8601, UTC: when it was removed. */
  readonly at: string;
  readonly workspace: WorkspaceRecord;
  /** As given to `remove`. */
  readonly session: unknown;
  /** Disk space that it takes; absent when not measured. */
  readonly bytes?: number | undefined;
}

/** How a workspace is put back. */
export interface WorkspaceRestoreRequest {
  /** Of the session that gets it. */
  readonly sessionId: string;
  readonly name: string;
  /** Where the repository is now; default: where it was. */
  readonly repository?: Pick<RepositoryInfo, "path" | "commonDirectory"> | undefined;
}

/** The undo records of this home. */
export interface WorkspaceUndoRecords {
  /** Newest first. */
  list(options?: CallOptions & { readonly isMeasured?: boolean | undefined }): Promise<readonly WorkspaceUndoRecord[]>;
  /** Where `restore` will put it. Rejects with `undo.not-found`, `undo.damaged`, `repository.not-found`, and where something is in the way with `workspace.exists`, `workspace.branch-exists`, `workspace.branch-in-use`; nothing is changed. */
  plan(id: string, request: WorkspaceRestoreRequest, options?: CallOptions): Promise<WorkspaceRecord>;
  /** Puts everything back as it was and removes the record. Idempotent by session id: after a crash in the middle it finishes. On failure the record stays whole. */
  restore(id: string, request: WorkspaceRestoreRequest, options?: CallOptions): Promise<void>;
  /** Gives it up for good. Idempotent. */
  remove(id: string): Promise<void>;
}

/** What is to be done with a session's work. */
export interface WorkspaceResultRequest {
  readonly kind: "merge" | "apply";
  /** Of the session. */
  readonly name: string;
  readonly merge?: MergeRequest | undefined;
}

export type WorkspaceResult = Omit<SessionResult, "schemaVersion" | "name" | "undoId">;

/** A merge or an application of changes that can be taken back. */
export interface WorkspaceResultRecord {
  readonly id: string;
  readonly kind: "merge" | "apply";
  /** Of the session. */
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly repositoryPath: string;
  readonly commonDirectory: string;
  /** Short name of the branch that was merged into; absent for an application. */
  readonly branch?: string | undefined;
  /** As given to `take`. */
  readonly session: unknown;
  /** Disk space that it takes; absent when not measured. */
  readonly bytes?: number | undefined;
}

/** Brings the work of sessions to the user's branches and files. Nothing is ever overwritten or forced. */
export interface WorkspaceResults {
  /** What `take` would do. Rejects with `merge.conflict`, `merge.refused`, `workspace.missing`, `workspace.base-not-found`, `workspace.branch-in-use`; changes nothing. */
  check(record: WorkspaceRecord, request: WorkspaceResultRequest, options?: CallOptions): Promise<WorkspaceResult>;
  /**
   * Does it; what is needed to take it back is on the disk before anything changes. `id` names the undo record; with `keeps: false` there is none in
   * the end. On failure everything is as before. Idempotent by id: what had succeeded is answered again.
   */
  take(
    id: string,
    record: WorkspaceRecord,
    call: WorkspaceResultRequest &
      CallOptions & { readonly at: string; readonly session: unknown; readonly keeps: boolean },
  ): Promise<WorkspaceResult>;
  /** After a crash: ends what can only be ended, takes the rest back. The result when it was done, `undefined` when nothing of it is left. */
  settle(id: string): Promise<WorkspaceResult | undefined>;
  /** `settle` for all that is not under way in this process. Never rejects: what cannot be settled is said when it is asked for. */
  recover(): Promise<void>;
  /** Newest first. */
  list(
    options?: CallOptions & { readonly isMeasured?: boolean | undefined },
  ): Promise<readonly WorkspaceResultRecord[]>;
  /** Makes branch and files what they were, and removes the record. Rejects with `undo.not-found`, `undo.damaged`, `merge.refused`, `workspace.branch-in-use`; nothing is overwritten, and the record stays. */
  takeBack(id: string, options?: CallOptions): Promise<void>;
  /** Gives a record up for good. Idempotent. */
  remove(id: string): Promise<void>;
}

/** Something with our mark found on disk. */
export interface WorkspaceFinding {
  readonly sessionId: string;
  readonly name: string;
  readonly record: WorkspaceRecord;
  /** False when the directory is gone. What it holds is asked of `status`: listing runs no git in worktrees. */
  readonly exists: boolean;
}

/** Makes, reads and removes the git side of sessions. Errors are `WorkspaceError`s. */
export interface WorkspaceProvider {
  /** What reads, fetches and checks out repositories here, and what cannot be done without a program that is missing. Never rejects for what it finds. */
  doctor?(options?: CallOptions): Promise<readonly DoctorCheck[]>;
  /**
   * From a path (also a subfolder, worktree, bare repository) or URL. `forSession` is the id of the session that is about to be created from its HEAD: what
   * that will need may be begun at once, and is given up by `release` or `undo`. Rejects with `repository.not-found`, `repository.empty`.
   */
  resolve(
    repository: string,
    options?: CallOptions & {
      readonly forSession?: string | undefined;
      readonly onProgress?: OnCreationProgress | undefined;
    },
  ): Promise<RepositoryInfo>;
  /** Gives up what `resolve` began for a session that is not created after all. Idempotent. */
  release(sessionId: string): Promise<void>;
  /** Of the checkout that was found, without the paths in `except`; of a bare repository none. Slower than `resolve`: it looks at every file. */
  changes(
    repository: RepositoryInfo,
    options?: CallOptions & { readonly except?: readonly string[] | undefined },
  ): Promise<UncommittedChanges>;
  /** Where `create` will put it: known before anything is made, so that a crash in between can be undone. Rejects with `workspace.base-not-found`, `workspace.branch-in-use`, `workspace.branch-exists`, `workspace.exists`. */
  plan(request: WorkspaceRequest, options?: CallOptions): Promise<WorkspaceRecord>;
  /** Idempotent by session id: after a crash in the middle it finishes. On failure and abort nothing of it is left. Rejects with `workspace.include-refused`. */
  create(
    request: WorkspaceRequest,
    record: WorkspaceRecord,
    options?: CallOptions & { readonly onProgress?: OnCreationProgress | undefined },
  ): Promise<WorkspaceCreation>;
  /** What a sandbox gets of the workspace; of a linked worktree nothing but its place. Makes nothing. Rejects with `workspace.missing`. */
  mount(record: WorkspaceRecord): Promise<WorkspaceMount>;
  /**
   * Puts a remote workspace into a sandbox whose own is empty: history that the session may see, index and working tree as they are here; nothing where that
   * was done before. Brings HEAD, branch and index of a private workspace's sandbox to the checkpoint that was gone back to; what that replaces and nobody else
   * has is kept on a branch. Nothing for a linked worktree. To be called before anything runs inside: from then on the sandbox's is what counts. A transfer that
   * was cut changed nothing inside that counts, and the next call completes it. Rejects with `workspace.sync-failed`, `workspace.missing`.
   */
  send(record: WorkspaceRecord, sandbox: Pick<Sandbox, "exec">, options?: CallOptions): Promise<WorkspaceSending>;
  /**
   * Brings the commits, branches and index of a private workspace's sandbox to this machine, by git run inside it through `exec`, and the user's own
   * commits into it; of a remote one the files, too. All or nothing: on failure and abort every reference and the index are as before, and the next call completes it. What the user did on this machine is never passed
   * over. Nothing for a linked worktree. Rejects with `workspace.sync-failed`, `workspace.missing`.
   */
  sync(
    record: WorkspaceRecord,
    sandbox: Pick<Sandbox, "exec">,
    options?: CallOptions & {
      /** Nobody works inside: what comes out is all there is until the next `send`. */
      readonly isLast?: boolean | undefined;
      /** Of a remote workspace ignored files come out, too, when all of them together take no more. */
      readonly ignoredLimitBytes?: number | undefined;
    },
  ): Promise<WorkspaceSync>;
  /** With `ignoredLimitBytes` ignored files are counted, too, up to there. Of a private workspace as of the last `sync`. */
  status(
    record: WorkspaceRecord,
    options?: CallOptions & { readonly ignoredLimitBytes?: number | undefined },
  ): Promise<WorkspaceStatus>;
  /** Where git would push the workspace's branch, the user's rewrites of addresses applied; `undefined` when the repository has no remote. May hold a user's name or token. */
  pushUrl(record: WorkspaceRecord, options?: CallOptions): Promise<string | undefined>;
  /** Everything since the base: commits, staged, unstaged, untracked. Unified diff, or the shorter forms. */
  diff(
    record: WorkspaceRecord,
    options?: CallOptions & {
      readonly format?: "patch" | "stat" | "names" | undefined;
      readonly base?: string | undefined;
    },
  ): Promise<string>;
  /** Idempotent. Keeps a branch with commits that no other ref reaches, and such commits of a detached HEAD, or that the branch could not take, on branches of their own. `force` = uncommitted work may go with the worktree; without it such a worktree stays and `workspace.exists` is thrown. */
  remove(
    record: WorkspaceRecord,
    options?: CallOptions & {
      readonly sessionId?: string | undefined;
      readonly force?: boolean | undefined;
      readonly keepBranch?: boolean | undefined;
      readonly keepWorktree?: boolean | undefined;
      /**
       * Keeps everything in an undo record, on the disk before anything is removed. `session`: plain JSON, kept with it. `isRequired`: rejects with
       * `workspace.missing` and changes nothing when there is no worktree at its place. Of a workspace that lies in its record already, `at` and `session` are written anew.
       */
      readonly undo?:
        | { readonly at: string; readonly session: unknown; readonly isRequired?: boolean | undefined }
        | undefined;
      /** Leaves ignored files out of the undo record: they are gone for good. */
      readonly dropIgnored?: boolean | undefined;
    },
  ): Promise<WorkspaceRemoval>;
  /** Undo of `create`: removes the worktree and own branch when they hold nothing but the base (and copied changes). Idempotent. */
  undo(record: WorkspaceRecord, sessionId: string, options?: CallOptions): Promise<void>;
  /** Every workspace with this home's mark: the input of reconcile. */
  list(options?: CallOptions): AsyncIterable<WorkspaceFinding>;
  readonly undoRecords: WorkspaceUndoRecords;
  readonly results: WorkspaceResults;
  readonly checkpoints: WorkspaceCheckpoints;
}
