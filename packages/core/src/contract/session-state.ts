import type { AgentRequest } from "./agent.ts";
import type { Isolation } from "./backend-capabilities.ts";
import type { ClauderonErrorJson } from "./errors/clauderon-error.ts";
import type { MergeRequest } from "./result.ts";
import type { PullPolicy, ResourceLimits } from "./sandbox-spec.ts";
import type { SessionAccess } from "./session-access.ts";
import type { DeleteSessionRequest, Lifecycle, SessionId } from "./session.ts";
import type { WorkspaceRecord } from "./workspace.ts";

/** Work in progress; present from its first durable event to its last, so that a restart continues or undoes it. */
export interface SessionOperation {
  readonly kind:
    | "create"
    | "start"
    | "stop"
    | "delete"
    | "restore"
    | "archive"
    | "unarchive"
    | "merge"
    | "apply"
    | "rewind";
  readonly operationId: string;
  /** Names of the steps whose receipt is stored, in order. */
  readonly receipts: readonly string[];
  /** Set when the operation is being taken back. */
  readonly undo?: { readonly reason: ClauderonErrorJson; readonly forgetsSession: boolean } | undefined;
  /** The launch this operation makes. */
  readonly launchId?: string | undefined;
  readonly deletion?: DeleteSessionRequest | undefined;
  readonly graceMs?: number | undefined;
  /** The undo record that a restoration puts back. */
  readonly undoId?: string | undefined;
  /** Where the workspace of an archived session is put back to. */
  readonly workspace?: WorkspaceRecord | undefined;
  /** How a merge is to be done. */
  readonly merge?: MergeRequest | undefined;
  /** The checkpoint that is gone back to, and that of what is replaced. */
  readonly checkpoint?: { readonly id: string; readonly undoId: string } | undefined;
}

/** All that is stored of a session: plain JSON, no secret, no environment. */
export interface SessionState {
  readonly id: SessionId;
  readonly name: string;
  readonly lifecycle: Lifecycle;
  readonly backend: string;
  readonly agent: string;
  readonly request: AgentRequest;
  readonly conversationId: string;
  readonly isolation: Isolation;
  readonly workspace: WorkspaceRecord;
  /** How the workspace was asked for, to make it again on retry. */
  readonly workspaceRequest: {
    readonly base?: string | undefined;
    readonly branch?: string | undefined;
    readonly withChanges: boolean;
    /** It is made from this checkpoint. */
    readonly checkpoint?: string | undefined;
    /** The repository's own setup may run, whatever it holds. */
    readonly isSetupTrusted?: boolean | undefined;
  };
  readonly sandbox: {
    readonly image?: string | undefined;
    readonly pullPolicy?: PullPolicy | undefined;
    readonly limits?: ResourceLimits | undefined;
  };
  /** Absent = nothing was said when it was created: what its isolation gives. */
  readonly access?: SessionAccess | undefined;
  /** The last launch that was started; its conversation exists from then on and its prompt is spent. */
  readonly launchId?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly error?: ClauderonErrorJson | undefined;
  readonly notices: readonly string[];
  /** Files of the user's checkout that were copied into the workspace. */
  readonly copied?: readonly string[] | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly operation?: SessionOperation | undefined;
  /** Counts events. */
  readonly revision: number;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly updatedAt: string;
}
