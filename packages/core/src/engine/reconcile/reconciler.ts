import type { CallOptions } from "../../contract/call-options.ts";
import type { ReconcileFinding, ReconcileReport } from "../../contract/clauderon.ts";
import type { Clock } from "../../contract/clock.ts";
import type { AgentProcessStatus } from "../../contract/sandbox.ts";
import type { KeyedMutex } from "../../support/keyed-mutex.ts";
import { agentEnd, type AgentWatch } from "../agent-watch.ts";
import type { CrashPoints, ProxyPort } from "../engine.ts";
import type { Observation } from "./observation.ts";
import { observe, type ObserveOptions } from "./observe.ts";
import { reconcilePlan, type PlannedFinding, type ReconcileAction } from "./reconcile-plan.ts";

export interface ReconcilerOptions extends ObserveOptions {
  readonly locks: KeyedMutex;
  readonly watch: AgentWatch;
  readonly crashPoints: CrashPoints;
  readonly clock: Clock;
  readonly proxy: ProxyPort | undefined;
}

/** Makes record and world agree: observe → plan (pure) → apply. One pass at a time. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #current: Promise<ReconcileReport> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** `interrupted`: findings of the start, reported along. */
  async run(
    call: CallOptions & { readonly isDryRun?: boolean | undefined } = {},
    interrupted: readonly ReconcileFinding[] = [],
  ): Promise<ReconcileReport> {
    while (this.#current !== undefined) await this.#current.catch(() => undefined);
    this.#current = this.#pass(call, interrupted);
    try {
      return await this.#current;
    } finally {
      this.#current = undefined;
    }
  }

  async #pass(
    call: CallOptions & { readonly isDryRun?: boolean | undefined },
    interrupted: readonly ReconcileFinding[],
  ): Promise<ReconcileReport> {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const observation = await observe(this.#options, call);
    const findings: ReconcileFinding[] = [...interrupted];
    for (const planned of reconcilePlan(observation)) {
      findings.push(call.isDryRun === true ? planned.finding : await this.#apply(planned, observation, call));
    }
    if (call.isDryRun !== true) {
      await this.#revokeOrphans();
      await this.#watchRunning(observation);
    }
    return { isDryRun: call.isDryRun === true, findings, durationMs: clock.monotonicMs() - startedMs };
  }

  async #apply(planned: PlannedFinding, observation: Observation, call: CallOptions): Promise<ReconcileFinding> {
    call.signal?.throwIfAborted();
    try {
      await this.#act(planned.action, observation);
      return planned.finding;
    } catch (cause) {
      this.#options.logger.warn({ finding: planned.finding, cause }, "a finding could not be mended");
      const reason = cause instanceof Error ? cause.message : String(cause);
      return { ...planned.finding, action: `${planned.finding.action} - failed: ${reason}` };
    }
  }

  async #act(action: ReconcileAction, observation: Observation): Promise<void> {
    const { registry, workspaces, log, locks } = this.#options;
    switch (action.type) {
      case "report":
        return;
      case "destroy-sandbox":
        await this.#effect("reconcile.destroy-sandbox", async () => {
          const sandbox = await registry.get(action.backend).open(action.sandboxId);
          await sandbox?.destroy();
        });
        return;
      case "remove-workspace":
        await this.#effect("reconcile.remove-workspace", () =>
          workspaces.undo(action.workspace.record, action.workspace.sessionId),
        );
        return;
      case "adopt":
        await locks.run(action.sessionId, () => log.commit(action.sessionId, { type: "adopt" }, "reconcile.adopt"));
        return;
      case "mark-ended":
        await locks.run(action.sessionId, () => this.#markEnded(action.sessionId, action.point, observation));
        return;
      default:
        action satisfies never;
    }
  }

  /** The record may have moved since the observation: only what was judged is marked. */
  async #markEnded(id: string, point: "mark-lost" | "mark-drifted", observation: Observation): Promise<void> {
    const observed = observation.sessions.find((session) => session.state.id === id);
    const state = this.#options.log.get(id);
    if (observed?.sandbox === undefined || state === undefined || state.revision !== observed.state.revision) return;
    const status: AgentProcessStatus = point === "mark-lost" ? { state: "lost" } : observed.sandbox.agent;
    await this.#options.log.commit(id, { type: "agent-ended", ...agentEnd(state, status) }, `reconcile.${point}`);
    this.#options.watch.unwatch(id);
  }

  /** An identity that no session has is ended. Listed before the sessions are looked at: a session is recorded before it gets its own. */
  async #revokeOrphans(): Promise<void> {
    const { proxy, log, logger } = this.#options;
    try {
      for (const id of (await proxy?.admitted()) ?? []) if (log.get(id) === undefined) await proxy?.revoke(id);
    } catch (cause) {
      logger.warn({ cause }, "the proxy's identities could not be compared with the sessions");
    }
  }

  async #effect(point: string, effect: () => Promise<void>): Promise<void> {
    const { crashPoints } = this.#options;
    crashPoints.reach(`${point}.before-effect`);
    await effect();
    crashPoints.reach(`${point}.after-effect`);
  }

  async #watchRunning(observation: Observation): Promise<void> {
    const { log, watch, sandboxes } = this.#options;
    for (const { state: seen, sandbox: observed } of observation.sessions) {
      const state = log.get(seen.id);
      if (
        state?.lifecycle !== "running" ||
        state.launchId === undefined ||
        observed === undefined ||
        watch.isWatching(state.id)
      )
        continue;
      const sandbox = await sandboxes.find(state);
      if (sandbox !== undefined) watch.watch(sandbox, state.launchId);
    }
  }
}
