import type { SandboxSummary } from "../../contract/backend.ts";
import type { AgentProcessStatus, SandboxState } from "../../contract/sandbox.ts";
import type { SessionState } from "../../contract/session-state.ts";
import type { WorkspaceFinding, WorkspaceStatus } from "../../contract/workspace.ts";

/** What was seen of one session's sandbox; `undefined` state = its backend could not be asked. */
export interface ObservedSession {
  readonly state: SessionState;
  readonly sandbox:
    | { readonly state: SandboxState; readonly agent: AgentProcessStatus; readonly reason?: string | undefined }
    | undefined;
  readonly workspaceExists: boolean;
}

/** The world as seen at one moment. Everything outside was listed before the sessions were read: what a new session makes is never an orphan. */
export interface Observation {
  readonly sandboxes: readonly (SandboxSummary & { readonly backend: string })[];
  /** Worktrees whose session is not there, with what they hold. */
  readonly orphanWorkspaces: readonly (WorkspaceFinding & { readonly status: WorkspaceStatus })[];
  readonly sessions: readonly ObservedSession[];
}
