import type { CallOptions } from "../contract/call-options.ts";
import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import { SessionError } from "../contract/errors/session-error.ts";
import { WorkspaceError } from "../contract/errors/workspace-error.ts";
import type { Logger } from "../contract/logger.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { WorkspaceProvider, WorkspaceStatus, WorkspaceSync } from "../contract/workspace.ts";
import type { AgentWatch } from "./agent-watch.ts";
import type { SandboxCache } from "./sandbox-cache.ts";
import type { SandboxSync } from "./sandbox-sync.ts";
import { whyOf } from "./why-of.ts";

export interface SandboxWorkOptions {
  readonly sandboxes: SandboxCache;
  /** Whose status asks no sandbox. */
  readonly workspaces: WorkspaceProvider;
  readonly watch: AgentWatch;
  readonly sync: SandboxSync;
  readonly logger: Logger;
}

export interface TakeAllCall extends CallOptions {
  /** Ignored files come out, too, when they take no more; absent: they stay. */
  readonly ignoredLimitBytes?: number | undefined;
  /** What cannot come out is given up. */
  readonly isForced?: boolean | undefined;
  /** Called with what came out, at a running session before its agent is ended: what it throws leaves everything as it is. */
  readonly check?: ((status: WorkspaceStatus) => void) | undefined;
}

/** What sessions have in sandboxes that share no files with this machine. The caller holds the session's lock. */
export class SandboxWork {
  readonly #options: SandboxWorkOptions;

  constructor(options: SandboxWorkOptions) {
    this.#options = options;
  }

  /** Brings out what is newer inside; a sandbox that is stopped is started for it, without its agent. Rejects with `workspace.sync-failed` and what is waited for. */
  async bringOut(state: SessionState, call: CallOptions = {}): Promise<void> {
    if (!isAway(state)) return;
    const { workspaces } = this.#options;
    if (state.lifecycle === "running") {
      await this.#waiting(state, async () => this.#sync(state, await this.#require(state, call), call));
      return;
    }
    const { unsynced } = await workspaces.status(state.workspace, call);
    if (unsynced === undefined) return;
    await this.#waiting(state, async () => {
      const sandbox = await this.#require(state, call);
      // One whose agent has ended by itself runs on.
      const wasRunning = (await sandbox.inspect(call)).state === "running";
      await sandbox.start(call);
      try {
        // Where it runs on somebody may be at work.
        await this.#sync(state, sandbox, { ...call, isLast: !wasRunning });
      } finally {
        if (!wasRunning) await sandbox.stop();
      }
    });
  }

  /**
   * Before the sandbox is destroyed: ends the agent and brings out all there is. Afterwards the sandbox runs without an agent. Rejects with
   * `session.work-at-risk` when something cannot be brought out; the sandbox is kept then.
   */
  async takeAll(state: SessionState, call: TakeAllCall): Promise<void> {
    if (!isAway(state)) return;
    const { workspaces, watch, logger } = this.#options;
    const isRunning = state.lifecycle === "running";
    const { unsynced, exists } = await workspaces.status(state.workspace);
    // Half a creation has nothing inside.
    if (state.lifecycle === "creating" || (!exists && unsynced === undefined)) return;
    try {
      const sandbox = await this.#find(state, call);
      if (sandbox === undefined) {
        if (unsynced === undefined) return;
        throw new Error("its sandbox is gone");
      }
      if (isRunning) await this.#check(state, await this.#sync(state, sandbox, call), call);
      watch.unwatch(state.id);
      try {
        if (isRunning) await sandbox.stop();
        await sandbox.start();
        await this.#check(state, await this.#sync(state, sandbox, { ...call, isLast: true }), call);
      } catch (error) {
        await sandbox.stop();
        if (isRunning && state.launchId !== undefined) watch.watch(sandbox, state.launchId);
        throw error;
      }
    } catch (cause) {
      call.signal?.throwIfAborted();
      if (cause instanceof SessionError) throw cause;
      // All that git knows of is here: only ignored files can be meant.
      if (unsynced !== undefined || isRunning || call.ignoredLimitBytes !== undefined)
        throw cannotComeOut(state, { since: unsynced?.since, cause });
      logger.warn({ session: state.name, cause }, "ignored files of the session stay in its sandbox");
    }
  }

  async #check(state: SessionState, sync: WorkspaceSync, { check, isForced }: TakeAllCall): Promise<void> {
    if (sync.left !== undefined && isForced !== true)
      throw new SessionError({
        code: "session.work-at-risk",
        message: `Session ${state.name} holds work that cannot be brought out of its sandbox`,
        why: sync.left.join("; "),
        fix: [
          `end or remove it inside: clauderon exec ${state.name} -- git status`,
          `or give it up: clauderon delete ${state.name} --discard (all else is kept)`,
        ],
        context: { session: state.name, left: sync.left },
      });
    if (check === undefined) return;
    const status = await this.#options.workspaces.status(state.workspace);
    check({ ...status, ...(sync.ignored === undefined ? {} : { ignored: sync.ignored }) });
  }

  async #sync(
    state: SessionState,
    sandbox: Sandbox,
    call: Parameters<WorkspaceProvider["sync"]>[2],
  ): Promise<WorkspaceSync> {
    const sync = await this.#options.workspaces.sync(state.workspace, sandbox, call);
    await this.#options.sync.tell(state, sync.notices);
    return sync;
  }

  async #find(state: SessionState, call: CallOptions): Promise<Sandbox | undefined> {
    const sandbox = await this.#options.sandboxes.find(state, call);
    if (sandbox === undefined) return undefined;
    return (await sandbox.inspect(call)).state === "missing" ? undefined : sandbox;
  }

  async #require(state: SessionState, call: CallOptions): Promise<Sandbox> {
    const sandbox = await this.#find(state, call);
    if (sandbox === undefined) throw new Error("its sandbox is gone");
    return sandbox;
  }

  async #waiting(state: SessionState, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      if (
        ClauderonError.isInstance(cause, "operation.aborted") ||
        !(cause instanceof Error) ||
        cause.name === "AbortError"
      )
        throw cause;
      const { name, workspace } = state;
      throw new WorkspaceError({
        code: "workspace.sync-failed",
        message: `What session ${name} has done last is in its sandbox and waits there`,
        why: whyOf(cause),
        fix: [
          `bring its backend ${state.backend} back and try again, or start the session: clauderon start ${name}`,
          `what came out before is in ${workspace.path}: git -C '${workspace.path}' diff ${workspace.base}`,
        ],
        context: { session: name },
        cause,
      });
    }
  }
}

function isAway({ workspace, lifecycle }: SessionState): boolean {
  return workspace.kind === "remote" && lifecycle !== "archived";
}

/** Files here are a copy: what is put back there would not be in the sandbox. */
export function cannotGoBack(name: string, id: string): WorkspaceError {
  return new WorkspaceError({
    code: "checkpoint.refused",
    message: `Session ${name} cannot go back to a checkpoint in its own sandbox`,
    why: "its sandbox shares no files with this machine",
    fix: [`make a session of the checkpoint: clauderon create --from ${id}`],
    context: { session: name, id },
  });
}

function cannotComeOut(
  state: SessionState,
  { since, cause }: { readonly since?: string | undefined; readonly cause: unknown },
): SessionError {
  const { name, backend, workspace } = state;
  return new SessionError({
    code: "session.work-at-risk",
    message: `What session ${name} has done${since === undefined ? "" : ` since ${since}`} is in its sandbox alone, and cannot be brought out`,
    why: whyOf(cause),
    fix: [
      `bring its backend ${backend} back and try again`,
      `or give that up: clauderon delete ${name} --discard (what came out before is kept, and is in ${workspace.path})`,
    ],
    context: { session: name, since },
    cause,
  });
}
