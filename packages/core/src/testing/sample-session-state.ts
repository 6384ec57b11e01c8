import type { SessionState } from "../contract/index.ts";

/** A complete state of a running session, to be changed at will. */
export function sampleSessionState(changes: Partial<SessionState> = {}): SessionState {
  const name = changes.name ?? "sample";
  return {
    id: `id-of-${name}`,
    name,
    lifecycle: "running",
    backend: "local",
    agent: "claude",
    request: { prompt: "say hello", isPlanMode: false, permissionMode: "ask", isHeadless: false },
    conversationId: "5b3c9a70-1f0e-4f6e-9a34-0d9b6f0c2a11",
    isolation: "none",
    workspace: {
      kind: "worktree",
      path: `/home/user/.clauderon/worktrees/${name}`,
      repositoryPath: "/home/user/project",
      commonDirectory: "/home/user/project/.git",
      branch: `clauderon/${name}`,
      isOwnBranch: true,
      base: "0123456789abcdef0123456789abcdef01234567",
    },
    workspaceRequest: { withChanges: false },
    sandbox: {},
    notices: [],
    revision: 1,
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
    ...changes,
  };
}
