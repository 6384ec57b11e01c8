import type { CallOptions } from "../contract/call-options.ts";
import type { WorkspaceProvider, WorkspaceRecord } from "../contract/workspace.ts";
import type { EventLog } from "./event-log.ts";
import type { SandboxSync } from "./sandbox-sync.ts";

/**
 * The same workspaces, where whoever looks at one whose git directory is in a running sandbox first gets out what is there. Where that does not succeed they
 * tell what came out last. Of one that shares no files with this machine only the status is told so: what else is asked of it has to be all there is, and
 * `SandboxWork` sees to that.
 */
export function createSyncedWorkspaces(
  workspaces: WorkspaceProvider,
  { log, sync }: { readonly log: EventLog; readonly sync: SandboxSync },
): WorkspaceProvider {
  const synced = async (record: WorkspaceRecord, options: CallOptions): Promise<void> => {
    if (record.kind === "worktree") return;
    const state = log.list().find(({ workspace }) => workspace.path === record.path);
    if (state !== undefined && state.lifecycle !== "creating" && state.lifecycle !== "deleting")
      await sync.now(state, options);
  };
  return {
    ...workspaces,
    status: async (record, options = {}) => {
      await synced(record, options);
      return workspaces.status(record, options);
    },
    results: {
      ...workspaces.results,
      check: async (record, request, options = {}) => {
        if (record.kind === "private") await synced(record, options);
        return workspaces.results.check(record, request, options);
      },
    },
    checkpoints: {
      ...workspaces.checkpoints,
      create: async (record, request, options = {}) => {
        if (record.kind === "private") await synced(record, options);
        return workspaces.checkpoints.create(record, request, options);
      },
    },
    diff: async (record, options = {}) => {
      if (record.kind === "private") await synced(record, options);
      return workspaces.diff(record, options);
    },
  };
}
