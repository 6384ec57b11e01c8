import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import { InternalError } from "../contract/errors/internal-error.ts";
import { OperationError } from "../contract/errors/operation-error.ts";
import type { Logger } from "../contract/logger.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { WorkspaceResult } from "../contract/workspace.ts";
import type { CrashPoints } from "./engine.ts";
import type { EventLog } from "./event-log.ts";
import { operationSteps } from "./operation-steps.ts";
import { isResult } from "./session-decider.ts";
import type { OperationInput, StepEffects } from "./step-effects.ts";

export interface OperationRunnerOptions {
  readonly log: EventLog;
  readonly effects: StepEffects;
  readonly crashPoints: CrashPoints;
  readonly logger: Logger;
}

/** How an operation ended. */
export interface OperationOutcome {
  /** `undefined`: the session is gone. */
  readonly state: SessionState | undefined;
  readonly error?: ClauderonError | undefined;
  /** Sentences of a deletion: what stayed. */
  readonly kept: readonly string[];
  /** True when what was deleted can be brought back. */
  readonly hasUndoRecord?: boolean | undefined;
  /** What a merge or an application of changes did. */
  readonly result?: WorkspaceResult | undefined;
}

/**
 * The reactor: takes an operation from where its receipts say it is to its end. A step is effect, then receipt; a failing or aborted operation is taken back.
 * The caller holds the session's lock.
 */
export class OperationRunner {
  readonly #options: OperationRunnerOptions;
  readonly #cancellations = new Map<string, AbortController>();

  constructor(options: OperationRunnerOptions) {
    this.#options = options;
  }

  /** Makes a creation cancellable from before its first step: `run` takes it from here. */
  prepareCreation(id: string): void {
    this.#cancellations.set(id, new AbortController());
  }

  /** Takes a creation in progress back; false when there is none in this process. */
  cancel(id: string): boolean {
    const controller = this.#cancellations.get(id);
    controller?.abort(aborted());
    return controller !== undefined;
  }

  async run(start: SessionState, input: OperationInput): Promise<OperationOutcome> {
    const { log, logger } = this.#options;
    const kind = start.operation?.kind;
    if (kind === undefined) return { state: start, kept: [] };
    if (start.operation?.undo !== undefined) return this.#takeBack(start);
    const controller = this.#cancellations.get(start.id) ?? new AbortController();
    if (kind === "create") this.#cancellations.set(start.id, controller);
    try {
      const { state, kept, hasUndoRecord, result } = await this.#goOn(start, { ...input, signal: controller.signal });
      const after = await log.commit(state.id, { type: "finish", kept }, `${kind}.completed`);
      return { state: after, kept, hasUndoRecord, result };
    } catch (cause) {
      const error = ClauderonError.isInstance(cause) ? cause : new InternalError(cause);
      logger.warn(
        { session: start.name, operation: kind, code: error.code, why: error.why, cause },
        "an operation failed",
      );
      return await this.#fail(start, error, controller.signal.aborted);
    } finally {
      this.#cancellations.delete(start.id);
    }
  }

  async #goOn(
    start: SessionState,
    input: OperationInput,
  ): Promise<OperationOutcome & { readonly state: SessionState }> {
    const { log, effects, crashPoints } = this.#options;
    let state = start;
    let { environment } = input;
    const kept: string[] = [];
    let hasUndoRecord = false;
    let result: WorkspaceResult | undefined;
    for (;;) {
      const { operation } = state;
      const step =
        operation === undefined ? undefined : operationSteps[operation.kind].steps[operation.receipts.length];
      if (operation === undefined || step === undefined) return { state, kept, hasUndoRecord, result };
      input.signal?.throwIfAborted();
      const point = `${operation.kind}.${step}`;
      crashPoints.reach(`${point}.before-effect`);
      const outcome = await effects.run(step, state, { ...input, environment });
      crashPoints.reach(`${point}.after-effect`);
      kept.push(...(outcome.kept ?? []));
      environment = outcome.environment ?? environment;
      result = outcome.result ?? result;
      hasUndoRecord ||= outcome.hasUndoRecord === true;
      state = (await log.commit(state.id, { type: "complete-step", step, patch: outcome.patch }, point)) ?? state;
    }
  }

  async #fail(start: SessionState, error: ClauderonError, isCancelled: boolean): Promise<OperationOutcome> {
    const { log } = this.#options;
    const kind = start.operation?.kind ?? "create";
    if (operationSteps[kind].undo.length === 0) {
      return {
        // What could not be brought back stays what it was: an undo record without a session.
        state: await log.commit(
          start.id,
          kind === "restore" || kind === "unarchive"
            ? { type: "give-up" }
            : { type: isResult(kind) ? "refuse-result" : "fail", error: error.toJSON() },
          `${kind}.completed`,
        ),
        error,
        kept: [],
      };
    }
    // A creation the caller gave up leaves no row, unless it is the retry of one that was recorded as failed before.
    const forgetsSession = isCancelled && kind === "create";
    const state = await log.commit(
      start.id,
      { type: "undo", reason: error.toJSON(), forgetsSession },
      `${kind}.undo-requested`,
    );
    return state === undefined ? { state, error, kept: [] } : { ...(await this.#takeBack(state)), error };
  }

  async #takeBack(state: SessionState): Promise<OperationOutcome> {
    const { log, effects, crashPoints, logger } = this.#options;
    const kind = state.operation?.kind ?? "create";
    const reason = state.operation?.undo?.reason;
    for (const step of operationSteps[kind].undo) {
      const point = `${kind}.undo.${step}`;
      crashPoints.reach(`${point}.before-effect`);
      try {
        await effects.undo(step, state);
      } catch (cause) {
        // The other steps are still taken back; what is left outside carries our mark, and reconcile removes it.
        logger.error({ session: state.name, step, cause }, "a step could not be taken back");
      }
      crashPoints.reach(`${point}.after-effect`);
    }
    const error =
      reason === undefined
        ? undefined
        : new ClauderonError({
            ...reason,
            fix: [reason.fix[0] ?? `clauderon start ${state.name}`, ...reason.fix.slice(1)],
          });
    return { state: await log.commit(state.id, { type: "finish-undo" }, `${kind}.undone`), error, kept: [] };
  }
}

function aborted(): OperationError {
  return new OperationError({
    code: "operation.aborted",
    message: "The creation of the session was cancelled",
    fix: ["create it again when you are ready"],
  });
}
