import { randomUUID } from "node:crypto";

import type { Clock } from "../contract/clock.ts";
import { InternalError } from "../contract/errors/internal-error.ts";
import { OperationError } from "../contract/errors/operation-error.ts";
import type { SessionState } from "../contract/session-state.ts";
import type {
  CheckpointTrigger,
  WorkspaceCheckpoint,
  WorkspaceCheckpointRequest,
} from "../contract/workspace-checkpoint.ts";
import type { WorkspaceProvider } from "../contract/workspace.ts";
import { sessionStateSchema } from "../wire/event-schema.ts";
import { parseValue } from "../wire/parse-json.ts";
import type { StepOutcome } from "./step-effects.ts";

export interface RewindOptions {
  readonly workspaces: WorkspaceProvider;
  readonly clock: Clock;
  /** True when a crash cut the operation off. */
  readonly isResumed: boolean;
  readonly scrollback?: string | undefined;
}

/** Short enough to be typed. */
export function newCheckpointId(): string {
  return randomUUID().slice(0, 13).replace("-", "");
}

/** What a checkpoint of a session is made with. */
export function checkpointRequest(
  state: SessionState,
  {
    id,
    trigger,
    clock,
    ...rest
  }: {
    readonly id: string;
    readonly trigger: CheckpointTrigger;
    readonly clock: Clock;
    readonly note?: string | undefined;
    readonly scrollback?: string | undefined;
  },
): WorkspaceCheckpointRequest {
  const { operation: _, ...session } = state;
  return { id, sessionId: state.id, name: state.name, at: clock.now().toISOString(), trigger, session, ...rest };
}

/**
 * The step that makes a session what it was. After a crash nothing is begun anew: with all files in their places it is ended, else everything is taken
 * back and told.
 */
export async function rewind(state: SessionState, options: RewindOptions): Promise<StepOutcome> {
  const { workspaces, clock, isResumed, scrollback } = options;
  const target = state.operation?.checkpoint;
  if (target === undefined) throw new InternalError(new Error("a restoration without a checkpoint"));
  const before = checkpointRequest(state, { id: target.undoId, trigger: "restore", clock, scrollback });
  const done = isResumed
    ? await workspaces.checkpoints.settle(state.workspace, state.id)
    : await workspaces.checkpoints.restore(state.workspace, { id: target.id, before });
  if (done?.before.id !== target.undoId) {
    // What it holds is what is there.
    await workspaces.checkpoints.remove([target.undoId]);
    throw new OperationError({
      code: "operation.interrupted",
      message: `Going back to the checkpoint ${target.id} of session ${state.name} was interrupted`,
      why: "clauderon's daemon ended in the middle of it; nothing was changed",
      fix: [`do it again: clauderon checkpoint restore ${state.name} ${target.id}`],
    });
  }
  const conversationId = sessionOf(await workspaces.checkpoints.get(target.id))?.conversationId;
  return { kept: done.notices, ...(conversationId === undefined ? {} : { patch: { conversationId } }) };
}

/** The session, as it was; `undefined` when what the checkpoint says of it cannot be read. */
export function sessionOf({ session }: WorkspaceCheckpoint): SessionState | undefined {
  try {
    return parseValue(session, sessionStateSchema);
  } catch {
    // Of another version: conversation and agent are then those of the session that there is.
    return undefined;
  }
}
