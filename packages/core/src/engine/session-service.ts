import { randomUUID } from "node:crypto";

import type { CallOptions } from "../contract/call-options.ts";
import type { CreateSessionOptions } from "../contract/clauderon.ts";
import type { Clock } from "../contract/clock.ts";
import type { OnCreationProgress } from "../contract/creation-progress.ts";
import { errorFromJson } from "../contract/errors/from-json.ts";
import type { Logger } from "../contract/logger.ts";
import type { ExecOptions, ProcessHandle } from "../contract/process.ts";
import type { MergeRequest, SessionResult } from "../contract/result.ts";
import type { CheckpointRestoration } from "../contract/session-checkpoint.ts";
import type { SessionState } from "../contract/session-state.ts";
import type {
  CreateSessionRequest,
  DeletedSession,
  DeleteSessionRequest,
  SessionDetail,
  StartSessionRequest,
  UnarchiveSessionRequest,
} from "../contract/session.ts";
import type { AgentTerminalOptions, TerminalStream } from "../contract/terminal.ts";
import type { SessionUpload, UploadFile } from "../contract/upload.ts";
import type { CheckpointTrigger, WorkspaceCheckpoint } from "../contract/workspace-checkpoint.ts";
import type { RepositoryInfo, WorkspaceProvider } from "../contract/workspace.ts";
import type { KeyedMutex } from "../support/keyed-mutex.ts";
import type { AccessService } from "./access-service.ts";
import type { AgentWatch } from "./agent-watch.ts";
import { archivedAtRisk, mapUnarchiveError, nothingToArchive, refuseArchived } from "./archived-session.ts";
import { bringAllOut } from "./bring-all-out.ts";
import type { EventLog } from "./event-log.ts";
import { refuseIgnoredOverLimit } from "./ignored-over-limit.ts";
import { inSandbox, type Reached } from "./in-sandbox.ts";
import type { OperationOutcome, OperationRunner } from "./operation-runner.ts";
import { checkpointRequest, newCheckpointId } from "./rewind.ts";
import type { SandboxCache } from "./sandbox-cache.ts";
import type { SandboxSync } from "./sandbox-sync.ts";
import { cannotGoBack, type SandboxWork } from "./sandbox-work.ts";
import type { SessionCreator } from "./session-creator.ts";
import { isResult, type SessionCommand } from "./session-decider.ts";
import { sessionEnvironment } from "./session-environment.ts";
import { sessionDetail } from "./session-view.ts";
import type { OperationInput } from "./step-effects.ts";
import { takeAllBeforeDeletion } from "./take-all-before-deletion.ts";
import { uploadFile } from "./upload-file.ts";
import { waitForSession } from "./wait-for-session.ts";
import { refuseWorkAtRisk } from "./work-at-risk.ts";

export interface SessionServiceOptions {
  readonly work: SandboxWork;
  readonly log: EventLog;
  readonly creator: SessionCreator;
  readonly runner: OperationRunner;
  readonly sandboxes: SandboxCache;
  readonly workspaces: WorkspaceProvider;
  readonly sync: SandboxSync;
  readonly watch: AgentWatch;
  readonly access: AccessService;
  readonly locks: KeyedMutex;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a deleted session can be brought back. */
  readonly keepMs: number;
  /** So much of ignored files is kept without being asked for. */
  readonly ignoredLimitBytes: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What the caller of an operation gives along, and what is known from a moment ago. */
interface OperationRequest extends StartSessionRequest {
  readonly found?: RepositoryInfo | undefined;
  readonly scrollback?: string | undefined;
  readonly onProgress?: OnCreationProgress | undefined;
}

type CreateCall = Pick<CreateSessionOptions, "signal" | "onProgress">;

export interface BegunCreation {
  readonly state: SessionState;
  /** Resolves when the creation has ended, well or not. */
  readonly finished: Promise<OperationOutcome>;
}

/** What can be done with sessions; every change runs under the session's own lock. */
export class SessionService {
  readonly access: AccessService;
  readonly #options: SessionServiceOptions;

  constructor(options: SessionServiceOptions) {
    this.#options = options;
    this.access = options.access;
  }

  /** Records the session and begins its creation; `finished` resolves when that has ended, well or not. */
  async create(request: CreateSessionRequest, options: CreateCall): Promise<BegunCreation> {
    const key = request.idempotencyKey;
    if (key === undefined) return this.#record(request, options);
    // Two calls with one key that come at once: the second finds the row of the first.
    return this.#options.locks.run(`key ${key}`, async () => {
      const known = this.#options.log.findByIdempotencyKey(key);
      return known === undefined
        ? this.#record(request, options)
        : { state: known, finished: this.#repeat(known, request) };
    });
  }

  async #record(request: CreateSessionRequest, options: CreateCall): Promise<BegunCreation> {
    const { state, repository } = await this.#options.creator.record(request, options);
    this.#options.runner.prepareCreation(state.id);
    return {
      state,
      finished: this.#operate(state.id, undefined, { ...request, found: repository, onProgress: options.onProgress }),
    };
  }

  /** Takes back a creation in progress, the row included. */
  async cancelCreation(id: string): Promise<void> {
    if (!this.#options.runner.cancel(id)) return;
    await waitForSession(this.#options.log, id, { until: (state) => state?.operation === undefined });
  }

  async detail(
    id: string,
    options: CallOptions & { readonly withWorkspace?: boolean | undefined } = {},
  ): Promise<SessionDetail> {
    const state = this.#options.log.require(id);
    const status =
      options.withWorkspace === true ? await this.#options.workspaces.status(state.workspace, options) : undefined;
    return sessionDetail(state, status, this.#options.sync.notices(id));
  }

  async ready(id: string, options: CallOptions = {}): Promise<void> {
    const state = await waitForSession(this.#options.log, id, {
      until: (candidate) => candidate?.operation === undefined,
      signal: options.signal,
    });
    if (state?.lifecycle === "failed" && state.error !== undefined) throw errorFromJson(state.error);
    if (state === undefined) this.#options.log.require(id);
  }

  async spawn(id: string, argv: readonly [string, ...string[]], options: ExecOptions = {}): Promise<ProcessHandle> {
    return inSandbox(this.#options, id, { ...options, use: ({ sandbox }) => sandbox.exec(argv, options) });
  }

  async terminal(id: string, options: AgentTerminalOptions = {}): Promise<TerminalStream> {
    return inSandbox(this.#options, id, { ...options, use: ({ sandbox }) => sandbox.agentTerminal(options) });
  }

  async upload(id: string, file: UploadFile, options: CallOptions = {}): Promise<SessionUpload> {
    const use = ({ state, sandbox }: Reached): Promise<SessionUpload> =>
      uploadFile(sandbox, state, { ...file, ...options });
    return this.#options.locks.run(id, () => inSandbox(this.#options, id, { ...options, use }));
  }

  async text(id: string, options: CallOptions & { readonly lines?: number | undefined } = {}): Promise<string> {
    const state = this.#options.log.require(id);
    const sandbox = await this.#options.sandboxes.find(state, options);
    return sandbox === undefined ? "" : sandbox.agentText(options);
  }

  async diff(
    id: string,
    options: CallOptions & {
      readonly format?: "patch" | "stat" | "names" | undefined;
      readonly base?: string | undefined;
    } = {},
  ): Promise<string> {
    const { log, locks, work, workspaces } = this.#options;
    const state = log.require(id);
    refuseArchived(state);
    if (state.workspace.kind === "remote") await locks.run(id, () => work.bringOut(log.require(id), options));
    return workspaces.diff(state.workspace, options);
  }

  /** Refused before anything is recorded: what cannot be done now leaves no trace in the session. */
  async takeResult(
    id: string,
    request: { readonly kind: "merge" | "apply"; readonly merge?: MergeRequest | undefined },
    call: CallOptions = {},
  ): Promise<SessionResult> {
    const { log, locks, workspaces } = this.#options;
    const { commonDirectory } = log.require(id).workspace;
    return locks.run(id, () =>
      // One at a time in a repository: what another merge changes is then known to this one's checks.
      locks.run(`results ${commonDirectory}`, async () => {
        const { name, workspace } = log.require(id);
        await bringAllOut(this.#options, log.require(id), call);
        const checked = await workspaces.results.check(workspace, { name, ...request }, call);
        if (checked.isUpToDate) return { schemaVersion: 1, name, ...checked };
        call.signal?.throwIfAborted();
        await this.#keepBefore(id, call);
        const operationId = randomUUID();
        const { error, result } = await this.#operateLocked(id, { type: "take-result", operationId, ...request }, {});
        if (error !== undefined) throw error;
        const isKept = this.#options.keepMs > 0 && result?.isUpToDate === false;
        return { schemaVersion: 1, name, ...(result ?? checked), undoId: isKept ? operationId : undefined };
      }),
    );
  }

  /** Of what the session is now; it may run. */
  checkpoint(
    id: string,
    request: { readonly id: string; readonly trigger: CheckpointTrigger; readonly note?: string | undefined },
    call: CallOptions = {},
  ): Promise<WorkspaceCheckpoint> {
    const { log, locks, workspaces, clock } = this.#options;
    return locks.run(id, async () => {
      const state = log.require(id);
      refuseArchived(state);
      const scrollback = await this.#scrollback(id, call);
      await bringAllOut(this.#options, log.require(id), call);
      const made = checkpointRequest(state, { ...request, clock, scrollback });
      return workspaces.checkpoints.create(state.workspace, made, call);
    });
  }

  /** Ends the agent, and makes the session what it was at a checkpoint. */
  rewind(
    id: string,
    checkpoint: { readonly id: string; readonly undoId: string },
    call: CallOptions = {},
  ): Promise<CheckpointRestoration> {
    const { log, locks } = this.#options;
    return locks.run(id, async () => {
      const { name, lifecycle, workspace } = log.require(id);
      if (workspace.kind === "remote") throw cannotGoBack(name, checkpoint.id);
      await bringAllOut(this.#options, log.require(id), call);
      const scrollback = await this.#scrollback(id, call);
      call.signal?.throwIfAborted();
      if (lifecycle === "running") {
        const stopped = await this.#operateLocked(id, { type: "stop", operationId: randomUUID() }, {});
        if (stopped.error !== undefined) throw stopped.error;
        // What the agent did until it ended, too.
        await bringAllOut(this.#options, log.require(id), call);
      }
      const command = { type: "rewind", operationId: randomUUID(), checkpoint } as const;
      const { error, kept } = await this.#operateLocked(id, command, { scrollback });
      if (error !== undefined) throw error;
      const { id: checkpointId, undoId } = checkpoint;
      const isStopped = lifecycle === "running";
      return { schemaVersion: 1, session: name, id: checkpointId, undoId, isStopped, notices: kept };
    });
  }

  /** Before a merge. That changes nothing of the session: what cannot be kept keeps it from nothing. */
  async #keepBefore(id: string, call: CallOptions): Promise<void> {
    const { log, workspaces, clock, logger } = this.#options;
    const state = log.require(id);
    try {
      const made = checkpointRequest(state, { id: newCheckpointId(), trigger: "merge", clock });
      await workspaces.checkpoints.create(state.workspace, made, call);
    } catch (cause) {
      call.signal?.throwIfAborted();
      logger.warn({ session: state.name, cause }, "there is no checkpoint before the merge");
    }
  }

  /** What cannot be read keeps nothing from being kept. */
  async #scrollback(id: string, call: CallOptions): Promise<string | undefined> {
    try {
      return await this.text(id, call);
    } catch (cause) {
      call.signal?.throwIfAborted();
      this.#options.logger.info({ session: id, cause }, "what the terminal shows cannot be read");
      return undefined;
    }
  }

  async start(id: string, request: StartSessionRequest = {}): Promise<SessionDetail> {
    const outcome = await this.#operate(
      id,
      { type: "start", operationId: randomUUID(), launchId: randomUUID() },
      request,
    );
    return this.#settled(id, outcome);
  }

  async stop(id: string, options: { readonly graceMs?: number | undefined } = {}): Promise<SessionDetail> {
    const { log, sync } = this.#options;
    const { operation } = log.require(id);
    if (operation === undefined) await sync.unasked(log.require(id));
    const outcome = await this.#operate(id, { type: "stop", operationId: randomUUID(), graceMs: options.graceMs }, {});
    return this.#settled(id, outcome);
  }

  async delete(id: string, deletion: DeleteSessionRequest = {}): Promise<DeletedSession> {
    const { log, runner, workspaces, sync, keepMs, ignoredLimitBytes } = this.#options;
    const { name, operation } = log.require(id);
    if (operation?.kind === "create" && runner.cancel(id)) {
      await waitForSession(log, id, { until: (state) => state?.operation === undefined });
      if (log.get(id) === undefined) return { id, name, kept: [] };
    }
    let staysInside: string | undefined;
    const outcome = await this.#options.locks.run(id, async () => {
      const state = log.require(id);
      if (state.lifecycle === "archived" && keepMs === 0 && deletion.discard !== true) throw archivedAtRisk(state);
      await takeAllBeforeDeletion(state, deletion, this.#options);
      staysInside = await sync.bringOut(state, { isHurried: deletion.discard === true });
      // Counting takes a while, and answers only whoever has not said what is to become of them.
      const isAsked = keepMs > 0 && deletion.ignored === undefined && deletion.keepWorktree !== true;
      const status = await workspaces.status(state.workspace, isAsked ? { ignoredLimitBytes } : {});
      refuseWorkAtRisk({ state, deletion, status, staysInside });
      refuseIgnoredOverLimit({ name, deletion, status });
      return this.#operateLocked(id, { type: "delete", operationId: randomUUID(), deletion }, {});
    });
    if (outcome.error !== undefined) throw outcome.error;
    const undoUntil =
      outcome.hasUndoRecord === true
        ? new Date(this.#options.clock.now().getTime() + this.#options.keepMs).toISOString()
        : undefined;
    const lost =
      staysInside === undefined || undoUntil !== undefined || deletion.keepWorktree === true
        ? []
        : [`what was written to its sandbox's git directory since commits last came out is gone: ${staysInside}`];
    return { id, name, kept: [...outcome.kept, ...lost], undoUntil };
  }

  /** Frees sandbox and working tree of a session that is not being changed. */
  async archive(id: string): Promise<SessionDetail> {
    const { log, work, workspaces, sync } = this.#options;
    const outcome = await this.#options.locks.run(id, async () => {
      const state = log.require(id);
      const isIdle = state.lifecycle !== "archived" && state.operation === undefined;
      if (isIdle && !(await workspaces.status(state.workspace)).exists) throw nothingToArchive(state);
      if (isIdle) await work.takeAll(state, { ignoredLimitBytes: Infinity });
      // What does not come out now is put away with the rest, and comes out after it was put back.
      if (isIdle) await sync.bringOut(state);
      return this.#operateLocked(id, { type: "archive", operationId: randomUUID() }, undefined);
    });
    return this.#settled(id, outcome);
  }

  /** Puts the working tree of an archived session back. What is in the way is told before anything is begun. */
  async unarchive(id: string, request: UnarchiveSessionRequest = {}, call: CallOptions = {}): Promise<SessionDetail> {
    const { log, workspaces } = this.#options;
    const outcome = await this.#options.locks.run(id, async () => {
      const { lifecycle, operation, workspace: before, name } = log.require(id);
      const isArchived = lifecycle === "archived" && operation === undefined;
      try {
        const repository =
          request.repository === undefined ? undefined : await workspaces.resolve(request.repository, call);
        const workspace = isArchived
          ? await workspaces.undoRecords.plan(id, { sessionId: id, name, repository }, call)
          : before;
        const command = { type: "unarchive", operationId: randomUUID(), workspace } as const;
        const ended = await this.#operateLocked(id, command, undefined);
        if (ended.error !== undefined) throw ended.error;
        return ended;
      } catch (error) {
        throw mapUnarchiveError(error, name);
      }
    });
    return this.#settled(id, outcome);
  }

  /** Records a session whose workspace lies in an undo record, and puts that back. */
  async restore(state: Omit<SessionState, "revision" | "updatedAt">): Promise<SessionDetail> {
    const outcome = await this.#options.locks.run(state.id, async () => {
      await this.#options.log.commit(state.id, { type: "create", state }, "restore.requested");
      return this.#operateLocked(state.id, undefined, undefined);
    });
    return this.#settled(state.id, outcome);
  }

  /** Continues an operation found in the store after a restart. */
  async resume(id: string): Promise<OperationOutcome> {
    return this.#operate(id, undefined, undefined);
  }

  /** Watches the agent of a session that runs. */
  async watch(state: SessionState): Promise<void> {
    const { sandboxes, watch } = this.#options;
    if (state.lifecycle !== "running" || state.launchId === undefined) return;
    const sandbox = await sandboxes.find(state);
    if (sandbox !== undefined) watch.watch(sandbox, state.launchId);
  }

  async #repeat(known: SessionState, request: CreateSessionRequest): Promise<OperationOutcome> {
    if (known.operation === undefined && known.error?.code === "operation.interrupted") {
      return this.#operate(known.id, { type: "start", operationId: randomUUID(), launchId: randomUUID() }, request);
    }
    const state = await waitForSession(this.#options.log, known.id, {
      until: (candidate) => candidate?.operation === undefined,
    });
    return { state, error: state?.error === undefined ? undefined : errorFromJson(state.error), kept: [] };
  }

  #operate(
    id: string,
    command: SessionCommand | undefined,
    request: OperationRequest | undefined,
  ): Promise<OperationOutcome> {
    return this.#options.locks.run(id, () => this.#operateLocked(id, command, request));
  }

  async #operateLocked(
    id: string,
    command: SessionCommand | undefined,
    request: OperationRequest | undefined,
  ): Promise<OperationOutcome> {
    const { log, runner, watch } = this.#options;
    const before = log.require(id);
    const state =
      command === undefined ? before : await log.commit(id, command, `${pointOf(command, before)}.requested`);
    if (state?.operation === undefined) return { state, kept: [] };
    const { kind } = state.operation;
    if (kind !== "create" && !isResult(kind)) watch.unwatch(id);
    const outcome = await runner.run(state, request === undefined ? { isResumed: true } : this.#input(state, request));
    if (isResult(kind)) return outcome;
    if (outcome.state !== undefined) await this.watch(outcome.state);
    return outcome;
  }

  #input(state: SessionState, request: OperationRequest): OperationInput {
    return {
      environment: sessionEnvironment({
        session: state,
        isolation: state.isolation,
        callerEnvironment: request.callerEnvironment ?? this.#options.environment,
        added: request.environment ?? {},
      }),
      size: request.size,
      repository: request.found,
      scrollback: request.scrollback,
      onProgress: request.onProgress,
    };
  }

  #settled(id: string, outcome: OperationOutcome): SessionDetail {
    if (outcome.error !== undefined) throw outcome.error;
    return sessionDetail(outcome.state ?? this.#options.log.require(id));
  }
}

function pointOf(command: SessionCommand, before: SessionState): string {
  if (command.type === "take-result") return command.kind;
  return command.type === "start" && before.launchId === undefined ? "create" : command.type;
}
