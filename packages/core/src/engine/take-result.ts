import { randomUUID } from "node:crypto";

import type { Clock } from "../contract/clock.ts";
import { OperationError } from "../contract/errors/operation-error.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { WorkspaceProvider, WorkspaceResultRequest } from "../contract/workspace.ts";
import type { StepOutcome } from "./step-effects.ts";

export interface TakeResultOptions {
  readonly workspaces: WorkspaceProvider;
  readonly clock: Clock;
  /** False when merges are not to be kept for undo. */
  readonly keepsUndo: boolean;
  /** True when a crash cut the operation off. */
  readonly isResumed: boolean;
}

/** What an operation asks of the workspaces. */
export function resultRequest(state: Pick<SessionState, "name" | "operation">): WorkspaceResultRequest {
  const { name, operation } = state;
  return { kind: operation?.kind === "apply" ? "apply" : "merge", name, merge: operation?.merge };
}

/**
 * The step of a merge or an application of changes. After a crash nothing is begun anew: who asked for it may have done otherwise meanwhile. What can
 * only be ended is ended, the rest is taken back and told.
 */
export async function takeResult(state: SessionState, options: TakeResultOptions): Promise<StepOutcome> {
  const { workspaces, clock, keepsUndo, isResumed } = options;
  const { operation, ...idle } = state;
  const id = operation?.operationId ?? randomUUID();
  const request = resultRequest(state);
  if (!isResumed) {
    const at = clock.now().toISOString();
    return {
      result: await workspaces.results.take(id, state.workspace, { ...request, at, session: idle, keeps: keepsUndo }),
    };
  }
  const result = await workspaces.results.settle(id);
  if (result !== undefined) return { result };
  throw new OperationError({
    code: "operation.interrupted",
    message: `The ${request.kind === "merge" ? "merge" : "application of changes"} of session ${state.name} was interrupted`,
    why: "clauderon's daemon ended in the middle of it; nothing was changed",
    fix: [`do it again: clauderon ${request.kind} ${state.name}`],
  });
}
