import type { CallOptions } from "../contract/call-options.ts";
import type { Sessions } from "../contract/clauderon.ts";
import type { ReconcileFinding, ReconcileReport } from "../contract/clauderon.ts";
import { OperationError } from "../contract/errors/operation-error.ts";
import { silentLogger } from "../contract/logger.ts";
import type { SessionEvent } from "../contract/session-event.ts";
import type { SessionState } from "../contract/session-state.ts";
import { createSetupTrust } from "../host/setup-trust.ts";
import { systemClock } from "../host/system-clock.ts";
import { withAbsoluteRepository } from "../support/absolute-repository.ts";
import { KeyedMutex } from "../support/keyed-mutex.ts";
import { AccessService } from "./access-service.ts";
import { agentEnd, AgentWatch } from "./agent-watch.ts";
import { BackendRegistry } from "./backend-registry.ts";
import { CheckpointService } from "./checkpoint-service.ts";
import { EngineSession } from "./engine-session.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { EventLog } from "./event-log.ts";
import { followEvents } from "./follow-events.ts";
import { OperationRunner } from "./operation-runner.ts";
import { crashPointNames } from "./operation-steps.ts";
import { Reconciler } from "./reconcile/reconciler.ts";
import { ReportWatch } from "./report-watch.ts";
import { SandboxCache } from "./sandbox-cache.ts";
import { SandboxSync } from "./sandbox-sync.ts";
import { SandboxWork } from "./sandbox-work.ts";
import { SessionCreator } from "./session-creator.ts";
import { SessionService } from "./session-service.ts";
import { SessionSetup } from "./session-setup.ts";
import { sessionSummary } from "./session-view.ts";
import { StepEffects } from "./step-effects.ts";
import { createSyncedWorkspaces } from "./synced-workspaces.ts";
import { UndoService } from "./undo-service.ts";

const KEEP_MS = 30 * 24 * 60 * 60 * 1000;

const SETUP_MS = 10 * 60 * 1000;
const IGNORED_BYTES = 256 * 1024 * 1024;

const noCrashPoints = { reach: (): void => undefined };

/**
 * The owner of sessions, in this process. Synchronous, without I/O: sessions are read from the store by the first call. It closes nothing that it was
 * given; `close` ends its watching and frees handles, and sessions go on.
 */
export function createEngine(options: EngineOptions): Engine {
  const { store, crashPoints = noCrashPoints, logger = silentLogger, clock = systemClock, settings = {} } = options;
  const keepMs = settings.undoKeepMs ?? KEEP_MS;
  const locks = new KeyedMutex();
  const log = new EventLog({ store, clock, crashPoints });
  const registry = new BackendRegistry(
    options.backends,
    { backend: settings.defaultBackend, origin: settings.defaultBackendOrigin },
    clock,
  );
  const sandboxes = new SandboxCache({ registry, proxy: options.proxy, guest: options.guest });
  const sync = new SandboxSync({ workspaces: options.workspaces, log, sandboxes, clock, logger });
  const workspaces = createSyncedWorkspaces(options.workspaces, { log, sync });
  const effects = new StepEffects({
    homeDirectory: options.homeDirectory,
    registry,
    sandboxes,
    workspaces,
    sync,
    agents: options.agents,
    branchPrefix: settings.branchPrefix ?? "clauderon/",
    proxy: options.proxy,
    guest: options.guest,
    clock,
    keepsUndo: keepMs > 0,
    include: settings.include ?? [],
    setup: new SessionSetup({
      homeDirectory: options.homeDirectory,
      trust: createSetupTrust(options.homeDirectory),
      clock,
      command: settings.setup,
      timeoutMs: settings.setupTimeoutMs ?? SETUP_MS,
    }),
  });
  const reports = new ReportWatch({ log, store, logger });
  const watch = new AgentWatch({
    logger,
    onWatch: (sandbox, signal) => reports.follow(sandbox, signal),
    onEnd: (id, launchId, status) =>
      locks.run(id, async () => {
        const state = log.get(id);
        if (state?.launchId !== launchId) return;
        const lastLines = status.exit === undefined || status.exit.exitCode === 0 ? "" : await lastWords(state);
        await log.commit(id, { type: "agent-ended", ...agentEnd(state, status, lastLines) }, "watch.agent-ended");
        sync.soon(id);
      }),
  });
  const lastWords = async (state: SessionState): Promise<string> => {
    try {
      const text = (await (await sandboxes.find(state))?.agentText({ lines: 20 })) ?? "";
      return text.trim().split("\n").slice(-3).join(" | ").slice(-400);
    } catch (cause) {
      logger.info({ session: state.name, cause }, "the agent's last lines cannot be read");
      return "";
    }
  };
  const runner = new OperationRunner({ log, effects, crashPoints, logger });
  const { proxy } = options;
  const creator = new SessionCreator({ log, registry, workspaces, effects, settings, clock, proxy });
  const access = new AccessService({ log, effects, registry, sandboxes, proxy, locks, crashPoints, logger });
  const service = new SessionService({
    work: new SandboxWork({ sandboxes, workspaces: options.workspaces, watch, sync, logger }),
    log,
    creator,
    runner,
    sandboxes,
    workspaces,
    sync,
    watch,
    access,
    locks,
    clock,
    logger,
    keepMs,
    ignoredLimitBytes: settings.undoIgnoredLimitBytes ?? IGNORED_BYTES,
    environment: options.environment ?? process.env,
  });
  const checkpoints = new CheckpointService({ log, service, workspaces, logger, clock, keepMs });
  const undoService = new UndoService({ log, service, checkpoints, workspaces, locks, logger, clock, keepMs });
  const reconciler = new Reconciler({
    registry,
    sandboxes,
    workspaces,
    log,
    logger,
    locks,
    watch,
    crashPoints,
    clock,
    proxy: options.proxy,
  });

  const sessions: Sessions = {
    async create(request, call = {}) {
      await log.load();
      call.signal?.throwIfAborted();
      const { state, finished } = await service.create(withAbsoluteRepository(request), call);
      const session = new EngineSession(service, state, call.ephemeral === true);
      if (call.wait === false) {
        finished.catch((cause: unknown) =>
          logger.error({ session: state.name, cause }, "a creation ended unexpectedly"),
        );
        return session;
      }
      const cancel = (): void => void service.cancelCreation(state.id);
      call.signal?.addEventListener("abort", cancel, { once: true });
      if (call.signal?.aborted === true) cancel();
      const outcome = await finished.finally(() => call.signal?.removeEventListener("abort", cancel));
      if (outcome.error !== undefined)
        throw call.signal?.aborted === true && outcome.state === undefined ? call.signal.reason : outcome.error;
      return session;
    },
    async get(reference) {
      await log.load();
      return new EngineSession(service, log.require(reference));
    },
    async list() {
      await log.load();
      return log.list().map(sessionSummary);
    },
  };

  /** Sessions with an operation in the store: a crash cut it off. */
  const recoverInterrupted = async (call: CallOptions): Promise<readonly ReconcileFinding[]> => {
    const interrupted = log.list().filter((state) => state.operation !== undefined);
    return Promise.all(interrupted.map((state) => recoverOne(state, call)));
  };

  const recoverOne = async (state: SessionState, call: CallOptions): Promise<ReconcileFinding> => {
    const kind = state.operation?.kind ?? "create";
    const about = {
      kind: "interrupted",
      subject: "session",
      name: state.name,
      sessionId: state.id,
      backend: state.backend,
      message: `its ${kind} was interrupted`,
    } as const;
    try {
      const after = await finishInterrupted(state, call);
      return {
        ...about,
        action: after === undefined ? "ended: the session is deleted" : `ended: the session is ${after.lifecycle}`,
      };
    } catch (cause) {
      call.signal?.throwIfAborted();
      logger.error({ session: state.name, cause }, "an interrupted operation could not be ended");
      return { ...about, action: `not ended: ${cause instanceof Error ? cause.message : String(cause)}` };
    }
  };

  const finishInterrupted = async (state: SessionState, call: CallOptions): Promise<SessionState | undefined> => {
    call.signal?.throwIfAborted();
    const kind = state.operation?.kind ?? "create";
    const needsCaller = (kind === "create" || kind === "start") && !state.operation?.receipts.includes("sandbox");
    if (needsCaller && state.operation?.undo === undefined) {
      // The caller's environment is in nobody's memory any more, and it is never written down.
      const reason = new OperationError({
        code: "operation.interrupted",
        message: `The ${kind === "create" ? "creation" : "start"} of session ${state.name} was interrupted`,
        why: "clauderon's daemon ended in the middle of it",
        fix: [`go on with it: clauderon start ${state.name}`],
      });
      await locks.run(state.id, () =>
        log.commit(
          state.id,
          { type: "undo", reason: reason.toJSON(), forgetsSession: false },
          `${kind}.undo-requested`,
        ),
      );
    }
    return (await service.resume(state.id)).state;
  };

  const close = async (): Promise<void> => {
    watch.close();
    await sync.close();
    await sandboxes.close();
  };

  return {
    sessions,
    undo: {
      list: (call) => undoService.list(call),
      restore: async (request = {}, call = {}) =>
        new EngineSession(service, await undoService.restore(withAbsoluteRepository(request), call)),
      takeBack: (id, call) => undoService.takeBack(id, call),
      drop: (id, call) => undoService.drop(id, call),
    },
    checkpoints,
    crashPointNames,
    async recover(call = {}): Promise<ReconcileReport> {
      await log.load();
      const interrupted = await recoverInterrupted(call);
      await workspaces.results.recover();
      await undoService.expire();
      const [report] = await Promise.all([reconciler.run(call, interrupted), access.restore()]);
      return report;
    },
    async reconcile(call = {}) {
      await log.load();
      if (call.isDryRun !== true) await undoService.expire();
      return reconciler.run(call);
    },
    async backends(call = {}) {
      const [overview, checks] = await Promise.all([registry.overview(call), workspaces.doctor?.(call)]);
      return checks === undefined ? overview : { ...overview, workspaces: checks };
    },
    async openSandbox(reference, call = {}) {
      await log.load();
      return sandboxes.require(log.require(reference), call);
    },
    async record(request) {
      await log.load();
      await log.record(request);
      sync.saw(request);
    },
    async sessionCount() {
      await log.load();
      return log.size;
    },
    async *events(call = {}): AsyncGenerator<SessionEvent, void, void> {
      await log.load();
      yield* followEvents({ log, store }, call);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
