import type { CallOptions } from "../../contract/call-options.ts";
import type { Logger } from "../../contract/logger.ts";
import type { SessionState } from "../../contract/session-state.ts";
import type { WorkspaceProvider } from "../../contract/workspace.ts";
import type { BackendRegistry } from "../backend-registry.ts";
import type { EventLog } from "../event-log.ts";
import type { SandboxCache } from "../sandbox-cache.ts";
import type { Observation, ObservedSession } from "./observation.ts";

export interface ObserveOptions {
  readonly registry: BackendRegistry;
  readonly sandboxes: SandboxCache;
  readonly workspaces: WorkspaceProvider;
  readonly log: EventLog;
  readonly logger: Logger;
}

/** Looks at every backend, worktree and session. A backend that cannot be asked leaves its sessions unjudged; it never fails the rest. */
export async function observe(options: ObserveOptions, call: CallOptions = {}): Promise<Observation> {
  const { registry, workspaces, log, logger } = options;
  const asked = new Set<string>();
  const [sandboxes, findings] = await Promise.all([
    Promise.all(
      registry.all().map(async (backend) => {
        try {
          const listed = await Array.fromAsync(backend.list(call));
          asked.add(backend.backendId);
          return listed.map((summary) => ({ ...summary, backend: backend.backendId }));
        } catch (cause) {
          call.signal?.throwIfAborted();
          logger.info({ backend: backend.backendId, cause }, "a backend cannot be asked for its sandboxes");
          return [];
        }
      }),
    ),
    Array.fromAsync(workspaces.list(call)),
  ]);
  const listed = sandboxes.flat();
  const present = new Set(findings.filter((finding) => finding.exists).map((finding) => finding.sessionId));
  const context: SessionContext = {
    options,
    asked,
    listed: new Set(listed.map((sandbox) => sandbox.sandboxId)),
    present,
  };
  const orphans = findings.filter((finding) => log.get(finding.sessionId) === undefined);
  const orphanWorkspaces = await Promise.all(
    orphans.map(async (finding) => ({ ...finding, status: await workspaces.status(finding.record, call) })),
  );
  const sessions = await Promise.all(log.list().map((state) => observeSession(state, context, call)));
  return { sandboxes: listed, orphanWorkspaces, sessions };
}

interface SessionContext {
  readonly options: ObserveOptions;
  readonly asked: ReadonlySet<string>;
  readonly listed: ReadonlySet<string>;
  readonly present: ReadonlySet<string>;
}

async function observeSession(
  state: SessionState,
  context: SessionContext,
  call: CallOptions,
): Promise<ObservedSession> {
  const workspaceExists = context.present.has(state.id);
  if (state.operation !== undefined || !context.asked.has(state.backend))
    return { state, sandbox: undefined, workspaceExists };
  const missing = { state: "missing", agent: { state: "none" } } as const;
  if (!context.listed.has(state.id)) return { state, sandbox: missing, workspaceExists };
  try {
    const sandbox = await context.options.sandboxes.find(state, call);
    return { state, sandbox: sandbox === undefined ? missing : await sandbox.inspect(call), workspaceExists };
  } catch (cause) {
    call.signal?.throwIfAborted();
    context.options.logger.info({ session: state.name, cause }, "a sandbox cannot be inspected");
    return { state, sandbox: undefined, workspaceExists };
  }
}
