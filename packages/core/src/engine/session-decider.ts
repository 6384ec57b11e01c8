import type { ClauderonErrorJson } from "../contract/errors/clauderon-error.ts";
import { SessionError } from "../contract/errors/session-error.ts";
import type { MergeRequest } from "../contract/result.ts";
import type { SessionAccess } from "../contract/session-access.ts";
import type { SessionEventBody, SessionPatch } from "../contract/session-event.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { DeleteSessionRequest } from "../contract/session.ts";
import type { WorkspaceRecord } from "../contract/workspace.ts";
import { type OperationKind, operationSteps } from "./operation-steps.ts";

/** What may be asked of a session, by users and by the reactor. */
export type SessionCommand =
  | { readonly type: "create"; readonly state: Omit<SessionState, "revision" | "updatedAt"> }
  | { readonly type: "start"; readonly operationId: string; readonly launchId: string }
  | { readonly type: "stop"; readonly operationId: string; readonly graceMs?: number | undefined }
  | { readonly type: "delete"; readonly operationId: string; readonly deletion: DeleteSessionRequest }
  | { readonly type: "archive"; readonly operationId: string }
  | { readonly type: "unarchive"; readonly operationId: string; readonly workspace: WorkspaceRecord }
  | {
      readonly type: "take-result";
      readonly kind: "merge" | "apply";
      readonly operationId: string;
      readonly merge?: MergeRequest | undefined;
    }
  | {
      readonly type: "rewind";
      readonly operationId: string;
      readonly checkpoint: { readonly id: string; readonly undoId: string };
    }
  | { readonly type: "complete-step"; readonly step: string; readonly patch?: SessionPatch | undefined }
  | { readonly type: "finish"; readonly kept?: readonly string[] | undefined }
  | { readonly type: "undo"; readonly reason: ClauderonErrorJson; readonly forgetsSession: boolean }
  | { readonly type: "finish-undo" }
  | { readonly type: "give-up" }
  | { readonly type: "refuse-result"; readonly error: ClauderonErrorJson }
  | { readonly type: "fail"; readonly error: ClauderonErrorJson; readonly exitCode?: number | undefined }
  | { readonly type: "agent-ended"; readonly exitCode: number; readonly error: ClauderonErrorJson | undefined }
  | { readonly type: "adopt" }
  | { readonly type: "change-access"; readonly access: SessionAccess };

/** The events a command leads to in a state; none when there is nothing to do. Pure. Throws `SessionError` when it cannot be done now. */
export function decide(state: SessionState | undefined, command: SessionCommand): readonly SessionEventBody[] {
  if (command.type === "create") {
    if (state !== undefined)
      throw wrongState(state, "be created again", `delete it first: clauderon delete ${state.name}`);
    return [{ type: "session.created", state: command.state }];
  }
  if (state === undefined)
    throw new SessionError({
      code: "session.not-found",
      message: "The session does not exist",
      fix: ["see which there are: clauderon list"],
    });
  switch (command.type) {
    case "start":
      return decideStart(state, command);
    case "stop":
      if (state.launchId === undefined && state.operation === undefined) return [];
      if (state.lifecycle === "archived" && state.operation === undefined) return [];
      requireIdle(state, "be stopped");
      return [requested({ kind: "stop", operationId: command.operationId, receipts: [], graceMs: command.graceMs })];
    case "delete":
      requireIdle(state, "be deleted");
      return [
        requested({ kind: "delete", operationId: command.operationId, receipts: [], deletion: command.deletion }),
      ];
    case "archive":
      requireIdle(state, "be archived");
      if (state.lifecycle === "archived") return [];
      return [requested({ kind: "archive", operationId: command.operationId, receipts: [] })];
    case "unarchive": {
      requireIdle(state, "be unarchived");
      if (state.lifecycle !== "archived") return [];
      const { operationId, workspace } = command;
      return [requested({ kind: "unarchive", operationId, receipts: [], undoId: state.id, workspace })];
    }
    case "take-result":
      requireIdle(state, command.kind === "merge" ? "be merged" : "be applied");
      return [requested({ kind: command.kind, operationId: command.operationId, receipts: [], merge: command.merge })];
    case "rewind":
      requireIdle(state, "go back to a checkpoint");
      if (state.lifecycle === "running" || state.lifecycle === "archived")
        throw wrongState(state, "go back to a checkpoint", `stop it first: clauderon stop ${state.name}`);
      return [
        requested({
          kind: "rewind",
          operationId: command.operationId,
          receipts: [],
          checkpoint: command.checkpoint,
        }),
      ];
    case "agent-ended":
      if (state.lifecycle !== "running" || state.operation !== undefined) return [];
      if (command.error === undefined) return [{ type: "session.stopped", exitCode: command.exitCode }];
      return [{ type: "session.failed", error: command.error, exitCode: command.exitCode }];
    case "fail":
      if (state.operation === undefined && state.lifecycle === "failed") return [];
      return [
        {
          type: "session.failed",
          operationId: state.operation?.operationId,
          error: command.error,
          exitCode: command.exitCode,
        },
      ];
    case "adopt":
      return state.lifecycle === "running" || state.operation !== undefined ? [] : [{ type: "session.adopted" }];
    case "change-access":
      return [{ type: "session.access-changed", access: command.access }];
    case "complete-step":
    case "finish":
    case "undo":
    case "finish-undo":
    case "give-up":
    case "refuse-result":
      return decideProgress(state, command);
    default:
      return command satisfies never;
  }
}

function decideStart(
  state: SessionState,
  command: SessionCommand & { readonly type: "start" },
): readonly SessionEventBody[] {
  requireIdle(state, "be started");
  if (state.lifecycle === "running") return [];
  if (state.lifecycle === "archived")
    throw wrongState(state, "be started", `put its worktree back first: clauderon unarchive ${state.name}`);
  // An agent that never ran has nothing to resume: what failed was the creation, and it is done again from its first step.
  const kind = state.launchId === undefined ? "create" : "start";
  return [requested({ kind, operationId: command.operationId, receipts: [], launchId: command.launchId })];
}

type ProgressCommand = SessionCommand & {
  readonly type: "complete-step" | "finish" | "undo" | "finish-undo" | "give-up" | "refuse-result";
};

function decideProgress(state: SessionState, command: ProgressCommand): readonly SessionEventBody[] {
  const { operation } = state;
  if (operation === undefined) throw wrongState(state, `take the step ${command.type}`, "run: clauderon reconcile");
  const { operationId } = operation;
  switch (command.type) {
    case "complete-step": {
      const expected = operationSteps[operation.kind].steps[operation.receipts.length];
      if (operation.undo !== undefined || expected !== command.step)
        throw wrongState(state, `complete the step ${command.step}`, "run: clauderon reconcile");
      return [{ type: "session.step-completed", operationId, step: command.step, patch: command.patch }];
    }
    case "undo":
      if (operation.undo !== undefined) return [];
      return [
        { type: "session.undo-requested", operationId, reason: command.reason, forgetsSession: command.forgetsSession },
      ];
    case "finish-undo":
      if (operation.undo === undefined) throw wrongState(state, "end an undo", "run: clauderon reconcile");
      if (operation.undo.forgetsSession) return [{ type: "session.deleted", operationId, kept: [] }];
      return [{ type: "session.failed", operationId, error: operation.undo.reason }];
    case "give-up":
      if (operation.kind === "unarchive") return [{ type: "session.archived", operationId }];
      if (operation.kind !== "restore") throw wrongState(state, "be given up", "run: clauderon reconcile");
      return [{ type: "session.deleted", operationId, kept: [] }];
    case "refuse-result":
      if (!isResult(operation.kind)) throw wrongState(state, "be refused", "run: clauderon reconcile");
      return [{ type: "session.result-ended", operationId, error: command.error }];
    case "finish":
      if (operation.undo !== undefined || operation.receipts.length < operationSteps[operation.kind].steps.length) {
        throw wrongState(state, "complete", "run: clauderon reconcile");
      }
      if (operation.kind === "delete") return [{ type: "session.deleted", operationId, kept: command.kept ?? [] }];
      if (operation.kind === "archive") return [{ type: "session.archived", operationId }];
      if (isResult(operation.kind)) return [{ type: "session.result-ended", operationId }];
      return [
        operation.kind === "stop" || operation.kind === "restore" || operation.kind === "unarchive"
          ? { type: "session.stopped", operationId }
          : { type: "session.started", operationId },
      ];
    default:
      return command satisfies never;
  }
}

/** An operation that leaves the session as it is. */
export function isResult(kind: OperationKind): kind is "merge" | "apply" | "rewind" {
  return kind === "merge" || kind === "apply" || kind === "rewind";
}

const requested = (operation: NonNullable<SessionState["operation"]>): SessionEventBody => ({
  type: "session.operation-requested",
  operation,
});

function requireIdle(state: SessionState, verb: string): void {
  if (state.operation === undefined) return;
  throw wrongState(state, verb, `wait for it: clauderon wait ${state.name} --for status=running,stopped,failed`);
}

function wrongState(state: SessionState, verb: string, fix: string): SessionError {
  const doing = state.operation === undefined ? `is ${state.lifecycle}` : `has a ${state.operation.kind} in progress`;
  return new SessionError({
    code: "session.wrong-state",
    message: `Session ${state.name} cannot ${verb} now`,
    why: `it ${doing}`,
    fix: [fix],
    context: { session: state.name, lifecycle: state.lifecycle },
  });
}
