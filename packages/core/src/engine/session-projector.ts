import type { SessionEventBody } from "../contract/session-event.ts";
import type { SessionState } from "../contract/session-state.ts";

/** The state after an event; `undefined` = there is no session (any more). Pure. `at`: ISO 8601, the event's time. */
export function project(
  state: SessionState | undefined,
  event: SessionEventBody,
  at: string,
): SessionState | undefined {
  if (event.type === "session.created") return { ...event.state, revision: 1, updatedAt: at };
  if (state === undefined) return undefined;
  const next = { ...state, revision: state.revision + 1, updatedAt: at };
  switch (event.type) {
    case "session.operation-requested":
      return {
        ...next,
        operation: event.operation,
        lifecycle: lifecycleDuring[event.operation.kind] ?? state.lifecycle,
        ...(event.operation.kind === "create" || event.operation.kind === "start"
          ? { error: undefined, exitCode: undefined }
          : {}),
      };
    case "session.step-completed":
      if (state.operation?.operationId !== event.operationId) return next;
      return {
        ...next,
        ...event.patch,
        operation: { ...state.operation, receipts: [...state.operation.receipts, event.step] },
      };
    case "session.undo-requested":
      if (state.operation?.operationId !== event.operationId) return next;
      return {
        ...next,
        operation: { ...state.operation, undo: { reason: event.reason, forgetsSession: event.forgetsSession } },
      };
    case "session.started":
    case "session.adopted":
      return { ...next, lifecycle: "running", operation: undefined, error: undefined, exitCode: undefined };
    case "session.stopped":
      return {
        ...next,
        lifecycle: "stopped",
        operation: undefined,
        error: undefined,
        exitCode: event.exitCode ?? state.exitCode,
      };
    case "session.failed":
      return {
        ...next,
        lifecycle: "failed",
        operation: undefined,
        error: event.error,
        exitCode: event.exitCode ?? state.exitCode,
      };
    case "session.archived":
      return { ...next, lifecycle: "archived", operation: undefined, error: undefined };
    case "session.result-ended":
      return { ...next, operation: undefined };
    case "session.access-changed":
      return { ...next, access: event.access };
    case "session.deleted":
      return undefined;
    case "session.synced":
    case "agent.reported":
    case "model.turn-started":
    case "model.text":
    case "model.tool-used":
    case "model.waiting":
    case "model.usage":
    case "model.error":
    case "model.turn-ended":
      return state;
    default:
      return event satisfies never;
  }
}

const lifecycleDuring = {
  create: "creating",
  delete: "deleting",
  start: undefined,
  stop: undefined,
  restore: "creating",
  archive: undefined,
  unarchive: undefined,
  merge: undefined,
  apply: undefined,
  rewind: undefined,
} as const;
