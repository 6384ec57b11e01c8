import type { PermissionMode } from "./agent.ts";
import type { Isolation } from "./backend-capabilities.ts";
import type { ClauderonErrorJson } from "./errors/clauderon-error.ts";
import type { NetworkPolicy, PullPolicy, ResourceLimits } from "./sandbox-spec.ts";
import type { AccessMode } from "./session-access.ts";
import type { WorkspaceStatus } from "./workspace.ts";

export type SessionId = string;

/** Where a session is in its life, as observed from outside. */
export type Lifecycle = "creating" | "running" | "hibernated" | "stopped" | "failed" | "deleting" | "archived";

/** What the agent is doing, where that is known. */
export type Attention = "working" | "waiting" | "done" | "idle" | "unknown";

/** The one word that is printed: the attention where it is known and the session runs, else the lifecycle. */
export type SessionWord = Lifecycle | Exclude<Attention, "unknown">;

/** A session as lists show it; the object of `clauderon list --json`. Stable: fields are only added. */
export interface SessionSummary {
  readonly schemaVersion: 1;
  readonly id: SessionId;
  readonly name: string;
  readonly state: SessionWord;
  readonly lifecycle: Lifecycle;
  readonly attention: Attention;
  readonly backend: string;
  readonly agent: string;
  /** Absolute path of the repository. */
  readonly repository: string;
  readonly branch: string;
  /** Absolute path of the working tree on this machine. */
  readonly workspace: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** Everything about a session that is not secret. */
export interface SessionDetail extends SessionSummary {
  /** Grows with every change. */
  readonly revision: number;
  readonly updatedAt: string;
  /** The commit the session started from. */
  readonly base: string;
  readonly prompt?: string | undefined;
  readonly model?: string | undefined;
  readonly permissionMode: PermissionMode;
  readonly isPlanMode: boolean;
  readonly isHeadless: boolean;
  readonly conversationId: string;
  readonly isolation: Isolation;
  readonly accessMode: AccessMode;
  readonly network: NetworkPolicy["mode"];
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** True where the agent can go round the proxy: what is said here then saves set-up and mistakes, it does not withhold. */
  readonly isAdvisory: boolean;
  /** `5usd`, `200ktokens`; absent = no limit. */
  readonly budget?: string | undefined;
  /** Of the agent's last run. */
  readonly exitCode?: number | undefined;
  /** Why it failed, with the fix. */
  readonly error?: ClauderonErrorJson | undefined;
  /** What the user should know, a sentence each: no isolation, changes that stayed behind, … */
  readonly notices: readonly string[];
  /** What there was to tell when commits last came out of the sandbox's own git directory, a sentence each; absent when nothing. */
  readonly syncNotices?: readonly string[] | undefined;
  /** Untracked files of your checkout that were copied into the workspace when it was made; relative to the repository's root. */
  readonly copied?: readonly string[] | undefined;
  /** Present when asked for: what the workspace holds now. */
  readonly workspaceStatus?: WorkspaceStatus | undefined;
}

/** What a caller asks for. Paths are the caller's, made absolute by it. */
export interface CreateSessionRequest {
  /** Absolute path or URL. */
  readonly repository: string;
  /** Default: made from the prompt, else from the repository's name. */
  readonly name?: string | undefined;
  readonly prompt?: string | undefined;
  /** Backend id, or `auto`; default: the configuration's choice. */
  readonly backend?: string | undefined;
  readonly agent?: string | undefined;
  readonly model?: string | undefined;
  readonly isPlanMode?: boolean | undefined;
  readonly permissionMode?: PermissionMode | undefined;
  readonly isHeadless?: boolean | undefined;
  readonly base?: string | undefined;
  readonly branch?: string | undefined;
  readonly withChanges?: boolean | undefined;
  /** A fork: commit, files and index are those of this checkpoint, on a new branch; in place of `repository`, `base`, `branch` and `withChanges`. */
  readonly checkpoint?: string | undefined;
  /** Trusts what the repository's `.clauderon/setup` holds: it runs now, and from now on without being asked for. */
  readonly isSetupTrusted?: boolean | undefined;
  readonly image?: string | undefined;
  readonly pullPolicy?: PullPolicy | undefined;
  readonly limits?: ResourceLimits | undefined;
  /** Default: the configuration's, else `read-write`. */
  readonly accessMode?: AccessMode | undefined;
  /** Default: the configuration's, else `listed` where the backend isolates and holds networks back, `open` elsewhere. */
  readonly network?: NetworkPolicy["mode"] | undefined;
  /** Beside those of the configuration. */
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
  /** Takes restrictions that the backend cannot enforce. */
  readonly isAdvisory?: boolean | undefined;
  /** `5usd`, `200ktokens`, or `none` where the configuration names one. */
  readonly budget?: string | undefined;
  /** The caller's own environment: what the agent gets on host backends. Kept in memory alone. */
  readonly callerEnvironment?: Readonly<Record<string, string>> | undefined;
  /** `--env` and `--env-file`. Kept in memory alone. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Of the caller's terminal. */
  readonly size?: { readonly columns: number; readonly rows: number } | undefined;
  /** A repeated call with the same key answers with the session of the first. ≤ 128 characters. */
  readonly idempotencyKey?: string | undefined;
}

/** What `delete` does beyond removing session and sandbox. */
export interface DeleteSessionRequest {
  /** Uncommitted and untracked work may be lost. Without it a session that holds such work is refused with `session.work-at-risk`. */
  readonly discard?: boolean | undefined;
  readonly keepBranch?: boolean | undefined;
  readonly keepWorktree?: boolean | undefined;
  /** What happens to ignored files (dependencies, build output) that take more than the configuration's `undo.ignored_limit`: kept for `undo`, or gone for good. Without it such a session is refused with `session.ignored-over-limit`. */
  readonly ignored?: "keep" | "drop" | undefined;
}

export interface UnarchiveSessionRequest {
  /** Absolute path or URL of the repository, when it was moved. */
  readonly repository?: string | undefined;
}

export interface DeletedSession {
  readonly id: SessionId;
  readonly name: string;
  /** Sentences for the user: which branch or directory stayed, and why. */
  readonly kept: readonly string[];
  /** ISO 8601, UTC: until when `undo` brings it back. Absent when it held no worktree any more, or nothing is to be kept. */
  readonly undoUntil?: string | undefined;
}

export interface StartSessionRequest {
  readonly callerEnvironment?: Readonly<Record<string, string>> | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly size?: { readonly columns: number; readonly rows: number } | undefined;
}
