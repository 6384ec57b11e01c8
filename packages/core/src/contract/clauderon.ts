import type { BackendCapabilities } from "./backend-capabilities.ts";
import type { CallOptions } from "./call-options.ts";
import type { OnCreationProgress } from "./creation-progress.ts";
import type { DoctorCheck, DoctorReport } from "./doctor-report.ts";
import type { ExecOptions, ProcessHandle } from "./process.ts";
import type { MergeRequest, SessionResult } from "./result.ts";
import type { SessionAccessChange, SessionBudget } from "./session-access.ts";
import type { SessionCheckpoints } from "./session-checkpoint.ts";
import type { SessionEvent } from "./session-event.ts";
import type {
  CreateSessionRequest,
  DeletedSession,
  DeleteSessionRequest,
  SessionDetail,
  SessionId,
  SessionSummary,
  StartSessionRequest,
  UnarchiveSessionRequest,
} from "./session.ts";
import type { AgentTerminalOptions, TerminalStream } from "./terminal.ts";
import type { Undo } from "./undo.ts";
import type { SessionUpload, UploadFile } from "./upload.ts";

/** How a command in a session ended, with all it printed. */
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** A session's handle. Disposing it frees connections; it deletes the session only when that was created with `ephemeral: true`. */
export interface Session extends AsyncDisposable {
  readonly id: SessionId;
  readonly name: string;
  /** As it is now. `withWorkspace` also counts what the workspace holds. */
  detail(options?: CallOptions & { readonly withWorkspace?: boolean | undefined }): Promise<SessionDetail>;
  /** Resolves once a session that is being created is running; rejects with the reason it failed for. */
  ready(options?: CallOptions): Promise<void>;
  /** Runs a command to its end and collects its output (at most 64 MiB, else `request.too-large`). Does not reject for an exit code. */
  exec(
    argv: readonly [string, ...string[]],
    options?: ExecOptions & { readonly input?: string | Uint8Array | undefined },
  ): Promise<ExecResult>;
  /** Starts a command and hands over its streams. */
  spawn(argv: readonly [string, ...string[]], options?: ExecOptions): Promise<ProcessHandle>;
  /** A raw connection to the agent's terminal. */
  terminal(options?: AgentTerminalOptions): Promise<TerminalStream>;
  /** The latest lines of the agent's terminal as plain text. */
  text(options?: CallOptions & { readonly lines?: number | undefined }): Promise<string>;
  diff(
    options?: CallOptions & {
      readonly format?: "patch" | "stat" | "names" | undefined;
      readonly base?: string | undefined;
    },
  ): Promise<string>;
  /**
   * Puts a file where its agent can read it. Nothing is overwritten and no symbolic link is followed; git sees nothing of it, it is not the session's work, and it
   * goes with the session. Rejects with `usage.invalid` for a name that is none, `request.too-large`, `path.refused`, and `sandbox.not-running` where the backend
   * cannot write while the session is stopped.
   */
  upload(file: UploadFile, options?: CallOptions): Promise<SessionUpload>;
  /**
   * Merges its commits into a branch of the repository it was made from, and brings the files of a checkout of that branch along. Nothing is overwritten
   * or forced: rejects with `merge.conflict`, `merge.refused`, `workspace.branch-in-use`, `workspace.base-not-found`, `workspace.missing`, and then
   * nothing has changed. Aborting before it has begun changes nothing either. `undo.takeBack` undoes it.
   */
  merge(request?: MergeRequest, options?: CallOptions): Promise<SessionResult>;
  /** Brings everything it has changed since its base, committed or not, to the working tree it was made from, as changes that are not staged. As safe as `merge`. */
  apply(options?: CallOptions): Promise<SessionResult>;
  /** Starts it again, resuming the agent's conversation; retries a creation that failed. No error when it runs. */
  start(request?: StartSessionRequest, options?: CallOptions): Promise<SessionDetail>;
  /** Ends the agent and every process of the session; the workspace stays. No error when it is stopped. */
  stop(options?: CallOptions & { readonly graceMs?: number | undefined }): Promise<SessionDetail>;
  delete(request?: DeleteSessionRequest, options?: CallOptions): Promise<DeletedSession>;
  /**
   * Ends the agent and frees sandbox and working tree; everything is kept until `unarchive` or `delete`, the name included. No error when it is
   * archived. Rejects with `workspace.missing` when there is no worktree to keep.
   */
  archive(options?: CallOptions): Promise<SessionDetail>;
  /** Puts everything back as it was, stopped. No error when it is not archived. Rejects as `Undo.restore` does when something is in the way: it stays archived then. */
  unarchive(request?: UnarchiveSessionRequest, options?: CallOptions): Promise<SessionDetail>;
  /**
   * Changes what it may reach and do; holds from its next request on, also while it runs, and cuts connections that are not allowed any more. Rejects with
   * `usage.invalid` for what its backend cannot enforce and nobody took as advisory, and with `session.wrong-state` when it runs without the proxy.
   */
  changeAccess(change: SessionAccessChange, options?: CallOptions): Promise<SessionDetail>;
  /** What its models were used for, and the limits. */
  budget(options?: CallOptions): Promise<SessionBudget>;
}

export interface CreateSessionOptions extends CallOptions {
  readonly wait?: boolean | undefined;
  readonly ephemeral?: boolean | undefined;
  readonly onProgress?: OnCreationProgress | undefined;
}

export interface Sessions {
  /**
   * Resolves when the agent runs (`wait: false`: once the session is recorded). Aborting before that takes everything back, the row too. With
   * `ephemeral` the handle's disposal deletes the session, discarding its work.
   */
  create(request: CreateSessionRequest, options?: CreateSessionOptions): Promise<Session>;
  /** By id or name. Rejects with `session.not-found`. */
  get(reference: string, options?: CallOptions): Promise<Session>;
  /** Newest first. */
  list(options?: CallOptions): Promise<readonly SessionSummary[]>;
}

export interface BackendInfo {
  readonly backendId: string;
  readonly capabilities: BackendCapabilities;
  readonly report: DoctorReport;
}

/** Which backend a session gets without a choice of its own, and why. */
export interface BackendChoice {
  readonly backendId: string | undefined;
  readonly reason: string;
}

export interface BackendOverview {
  readonly backends: readonly BackendInfo[];
  readonly default: BackendChoice;
  /** The strongest isolating backend that can be used. */
  readonly auto: BackendChoice;
  /** What workspaces are made by, whatever the backend: the check `git` says whether git is used, or what stands in for it. */
  readonly workspaces?: readonly DoctorCheck[] | undefined;
}

/** Something that was not as recorded, and what was done about it. */
export interface ReconcileFinding {
  /** `orphan`: ours outside, no session. `lost`: a session without its object. `drifted`: another state than recorded. `adopted`: found again and taken over. `interrupted`: an operation that was continued or taken back. */
  readonly kind: "orphan" | "lost" | "drifted" | "adopted" | "interrupted";
  readonly subject: "session" | "sandbox" | "workspace";
  readonly name: string;
  readonly sessionId?: SessionId | undefined;
  readonly backend?: string | undefined;
  /** What was found. */
  readonly message: string;
  /** What was done; with a dry run, what would be. */
  readonly action: string;
}

export interface ReconcileReport {
  readonly isDryRun: boolean;
  readonly findings: readonly ReconcileFinding[];
  readonly durationMs: number;
}

/** What the daemon's client and the embedded engine both offer. */
export interface Clauderon extends AsyncDisposable {
  readonly sessions: Sessions;
  readonly undo: Undo;
  readonly checkpoints: SessionCheckpoints;
  backends(options?: CallOptions): Promise<BackendOverview>;
  reconcile(options?: CallOptions & { readonly isDryRun?: boolean | undefined }): Promise<ReconcileReport>;
  /** Events after the cursor (default: from now on), then live. Ends with the signal, without rejecting. Rejects with `request.refused` when events after the cursor have expired. */
  events(
    options?: CallOptions & { readonly since?: number | undefined; readonly follow?: boolean | undefined },
  ): AsyncIterable<SessionEvent>;
  /** Idempotent. Sessions go on. */
  close(): Promise<void>;
}
