import type { CallOptions } from "../contract/call-options.ts";
import type { Clock } from "../contract/clock.ts";
import { WorkspaceError } from "../contract/errors/workspace-error.ts";
import type { Logger } from "../contract/logger.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { RecordRequest } from "../contract/session-store.ts";
import type { WorkspaceProvider } from "../contract/workspace.ts";
import type { EventLog } from "./event-log.ts";
import type { SandboxCache } from "./sandbox-cache.ts";
import { whyOf } from "./why-of.ts";

export interface SandboxSyncOptions {
  readonly workspaces: WorkspaceProvider;
  readonly log: EventLog;
  readonly sandboxes: SandboxCache;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** For whom nobody waits with a reason of their own. */
const UNASKED_MS = 2 * 60 * 1000;
const ASKED_MS = 30 * 60 * 1000;

/** An agent that has ended its turn has often committed. */
const endsTurn = new Set(["end", "length", "refused", "aborted", "failed"]);

/**
 * Brings commits and index of sandboxes with a git directory of their own to this machine: when somebody looks, when a turn ends, before a stop. What
 * there is to tell of the last time is kept until the next.
 */
export class SandboxSync {
  readonly #options: SandboxSyncOptions;
  readonly #notices = new Map<string, readonly string[]>();
  readonly #unasked = new Map<string, { readonly work: Promise<void>; isAgain: boolean }>();
  readonly #closing = new AbortController();

  constructor(options: SandboxSyncOptions) {
    this.#options = options;
  }

  /** What the user should know of the last time, a sentence each. */
  notices(id: string): readonly string[] {
    return this.#notices.get(id) ?? [];
  }

  /** With a sandbox that runs; true when everything came out. Rejects only when aborted: what failed is told by `notices`. */
  async now(state: SessionState, options: CallOptions = {}): Promise<boolean> {
    if (state.workspace.kind === "worktree" || state.lifecycle === "archived") return true;
    const { sandboxes } = this.#options;
    try {
      const sandbox = await sandboxes.find(state, options);
      if (sandbox === undefined || (await sandbox.inspect(options)).state !== "running") return false;
      const { notices } = await this.#options.workspaces.sync(state.workspace, sandbox, options);
      await this.tell(state, notices);
      return true;
    } catch (cause) {
      options.signal?.throwIfAborted();
      this.#options.logger.warn({ session: state.name, cause }, "commits could not be brought out of the sandbox");
      const why = whyOf(cause);
      await this.tell(state, [`commits and staged files are known as of the last time that they came out: ${why}`]);
      return false;
    }
  }

  /**
   * Before the sandbox goes: starts one that is stopped for it when it holds more than came out, and stops it again. The reason when that stays inside;
   * never rejects.
   */
  async bringOut(
    state: SessionState,
    { isHurried = false }: { readonly isHurried?: boolean | undefined } = {},
  ): Promise<string | undefined> {
    if (state.workspace.kind !== "private") return undefined;
    const { sandboxes, workspaces, logger } = this.#options;
    const limitMs = isHurried ? UNASKED_MS : ASKED_MS;
    const options = { signal: AbortSignal.timeout(limitMs) };
    try {
      if (await this.now(state, options)) return undefined;
      const { isBehind } = await workspaces.status(state.workspace, options);
      if (isBehind !== true) return undefined;
      const sandbox = await sandboxes.find(state, options);
      const found = await sandbox?.inspect(options);
      if (sandbox === undefined || found?.state === "missing") return `it has no sandbox on ${state.backend} any more`;
      if (found?.state === "running") return this.notices(state.id)[0] ?? "it did not succeed";
      try {
        await sandbox.start(options);
        const { notices } = await workspaces.sync(state.workspace, sandbox, options);
        await this.tell(state, notices);
        return undefined;
      } finally {
        await sandbox.stop();
      }
    } catch (cause) {
      logger.warn({ session: state.name, cause }, "commits could not be brought out of a sandbox that goes");
      return options.signal.aborted ? `it took longer than ${String(limitMs / 1000)} s` : whyOf(cause);
    }
  }

  /** The same for whoever cannot do without it. Rejects with `workspace.sync-failed`. */
  async bringAllOut(state: SessionState): Promise<void> {
    const why = await this.bringOut(state);
    if (why === undefined) return;
    throw new WorkspaceError({
      code: "workspace.sync-failed",
      message: `What was done in the sandbox of session ${state.name} did not come out; nothing was changed`,
      why,
      fix: [`let it come out: clauderon start ${state.name}`, "and try again"],
      context: { session: state.name },
    });
  }

  /** Before a stop, and where the caller has a time limit in mind. Never rejects. */
  async unasked(state: SessionState): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(UNASKED_MS)]);
    try {
      await this.now(state, { signal });
    } catch (cause) {
      this.#options.logger.warn({ session: state.name, cause }, "bringing commits out was given up");
    }
  }

  /** In a while, once for all that ask meanwhile. */
  soon(id: string): void {
    const { log } = this.#options;
    const state = log.get(id);
    if (this.#closing.signal.aborted || state === undefined || state.workspace.kind === "worktree") return;
    if (state.lifecycle === "deleting" || state.operation?.kind === "archive") return;
    const under = this.#unasked.get(id);
    if (under !== undefined) {
      under.isAgain = true;
      return;
    }
    const work = this.unasked(state).then(() => {
      const { isAgain = false } = this.#unasked.get(id) ?? {};
      this.#unasked.delete(id);
      if (isAgain) this.soon(id);
    });
    this.#unasked.set(id, { work, isAgain: false });
  }

  /** Of what agents and their models were seen to do. */
  saw({ events }: RecordRequest): void {
    for (const { sessionId, body } of events)
      if (body.type === "model.turn-ended" && endsTurn.has(body.reason)) this.soon(sessionId);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#unasked.values()].map(({ work }) => work));
  }

  /** Keeps what there is to tell until the next time. */
  async tell({ id, name }: SessionState, notices: readonly string[]): Promise<void> {
    const { log, clock, logger } = this.#options;
    if (log.get(id) === undefined) {
      this.#notices.delete(id);
      return;
    }
    const before = this.notices(id);
    this.#notices.set(id, notices);
    if (before.length === notices.length && notices.every((notice, index) => notice === before[index])) return;
    const at = clock.now().toISOString();
    try {
      await log.record({
        events: [{ sessionId: id, sessionName: name, at, body: { type: "session.synced", notices } }],
      });
    } catch (cause) {
      logger.warn({ session: name, cause }, "what a sync has to tell could not be recorded");
    }
  }
}
