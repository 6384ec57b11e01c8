import type { CallOptions } from "../contract/call-options.ts";
import type { Logger } from "../contract/logger.ts";
import type { WorkspaceProvider, WorkspaceRecord } from "../contract/workspace.ts";
import type { EventLog } from "./event-log.ts";
import type { SandboxCache } from "./sandbox-cache.ts";

/**
 * Where work has to come out of a sandbox that shares no files with this machine, `SandboxWork` sees to it: here only the status of a running session does.
 * The same workspaces, where status and diff of one whose git directory is in a running sandbox first bring out what is there. Where that does not succeed they
 * tell what came out last; a removal keeps the sandbox's git directory whole in its undo record, so nothing depends on it.
 */
export function createSyncedWorkspaces(
  workspaces: WorkspaceProvider,
  { log, sandboxes, logger }: { readonly log: EventLog; readonly sandboxes: SandboxCache; readonly logger: Logger },
): WorkspaceProvider {
  const synced = async (record: WorkspaceRecord, options: CallOptions): Promise<void> => {
    const state =
      record.kind === "worktree" ? undefined : log.list().find(({ workspace }) => workspace.path === record.path);
    if (state?.lifecycle !== "running") return;
    try {
      const sandbox = await sandboxes.find(state, options);
      if (sandbox === undefined) return;
      const { notices } = await workspaces.sync(record, sandbox, options);
      for (const notice of notices) logger.info({ session: state.name }, notice);
    } catch (cause) {
      options.signal?.throwIfAborted();
      logger.warn(
        { session: state.name, cause },
        "commits and staged files are known as of the last time that they came out",
      );
    }
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
    diff: async (record, options = {}) => {
      if (record.kind === "private") await synced(record, options);
      return workspaces.diff(record, options);
    },
  };
}
