import type { AgentReportEventBody } from "./agent-report.ts";
import type { ClauderonErrorJson } from "./errors/clauderon-error.ts";
import type { ModelEventBody } from "./model-event.ts";
import type { SessionAccess } from "./session-access.ts";
import type { SessionOperation, SessionState } from "./session-state.ts";
import type { SessionId } from "./session.ts";

/** What happened to a session. `project` makes the next state from these alone. */
export type SessionEventBody =
  | { readonly type: "session.created"; readonly state: Omit<SessionState, "revision" | "updatedAt"> }
  | { readonly type: "session.operation-requested"; readonly operation: SessionOperation }
  | {
      readonly type: "session.step-completed";
      readonly operationId: string;
      readonly step: string;
      readonly patch?: SessionPatch | undefined;
    }
  | {
      readonly type: "session.undo-requested";
      readonly operationId: string;
      readonly reason: ClauderonErrorJson;
      readonly forgetsSession: boolean;
    }
  | { readonly type: "session.started"; readonly operationId: string }
  | {
      readonly type: "session.stopped";
      readonly operationId?: string | undefined;
      readonly exitCode?: number | undefined;
    }
  | {
      readonly type: "session.failed";
      readonly operationId?: string | undefined;
      readonly error: ClauderonErrorJson;
      readonly exitCode?: number | undefined;
    }
  /** A merge or an application of changes has ended; with an error nothing was changed. The session goes on as it was. */
  | {
      readonly type: "session.result-ended";
      readonly operationId: string;
      readonly error?: ClauderonErrorJson | undefined;
    }
  | { readonly type: "session.adopted" }
  | { readonly type: "session.archived"; readonly operationId: string }
  | { readonly type: "session.access-changed"; readonly access: SessionAccess }
  | { readonly type: "session.deleted"; readonly operationId?: string | undefined; readonly kept: readonly string[] }
  /** Seen, not decided: changes no state. */
  | SeenEventBody;

/** What came out of a sandbox's git directory told something else than the last time; empty = all is well again. */
export interface SyncEventBody {
  readonly type: "session.synced";
  /** A sentence each. */
  readonly notices: readonly string[];
}

/** Of agents and models, and of what comes out of sandboxes. */
export type SeenEventBody = ModelEventBody | AgentReportEventBody | SyncEventBody;

/** What a step may have learnt. */
export type SessionPatch = Partial<
  Pick<SessionState, "launchId" | "notices" | "workspace" | "conversationId" | "copied">
>;

export type SessionEventType = SessionEventBody["type"];

/** An event as stored and streamed. */
export interface SessionEvent {
  /** Grows by at least 1 over all sessions of a home; where to continue reading. */
  readonly cursor: number;
  readonly sessionId: SessionId;
  readonly sessionName: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly body: SessionEventBody;
}
