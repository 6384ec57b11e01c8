import type { SessionState } from "../contract/session-state.ts";
import type { SessionDetail, SessionSummary } from "../contract/session.ts";
import type { WorkspaceStatus } from "../contract/workspace.ts";
import { accessOf } from "./session-access.ts";

/** What a list shows of a session. */
export function sessionSummary(state: SessionState): SessionSummary {
  return {
    schemaVersion: 1,
    id: state.id,
    name: state.name,
    // Attention is unknown here, so the printed word is the lifecycle.
    state: state.lifecycle,
    lifecycle: state.lifecycle,
    attention: "unknown",
    backend: state.backend,
    agent: state.agent,
    repository: state.workspace.repositoryPath,
    branch: state.workspace.branch,
    workspace: state.workspace.path,
    createdAt: state.createdAt,
  };
}

/** Everything about a session that may be shown. */
export function sessionDetail(
  state: SessionState,
  workspaceStatus?: WorkspaceStatus,
  syncNotices: readonly string[] = [],
): SessionDetail {
  return {
    ...sessionSummary(state),
    revision: state.revision,
    updatedAt: state.updatedAt,
    base: state.workspace.base,
    prompt: state.request.prompt,
    model: state.request.model,
    permissionMode: state.request.permissionMode,
    isPlanMode: state.request.isPlanMode,
    isHeadless: state.request.isHeadless,
    conversationId: state.conversationId,
    isolation: state.isolation,
    ...accessOf(state),
    isAdvisory: state.isolation === "none",
    exitCode: state.exitCode,
    error: state.error,
    notices: state.notices,
    ...(syncNotices.length === 0 ? {} : { syncNotices }),
    copied: state.copied,
    workspaceStatus,
  };
}
