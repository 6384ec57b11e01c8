import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import type { SessionState } from "../contract/session-state.ts";
import { operationSteps } from "./operation-steps.ts";
import { decide, type SessionCommand } from "./session-decider.ts";
import { project } from "./session-projector.ts";

const at = "2026-01-01T00:00:00.000Z";
const reason = { code: "internal", message: "broken", fix: ["mend it"], retryable: false } as const;

const initial: Omit<SessionState, "revision" | "updatedAt"> = {
  id: "6f0ae4a4-0000-4000-8000-000000000001",
  name: "fix",
  lifecycle: "creating",
  backend: "local",
  agent: "claude",
  request: { isPlanMode: false, permissionMode: "ask", isHeadless: false },
  conversationId: "6f0ae4a4-0000-4000-8000-000000000002",
  isolation: "none",
  workspace: {
    kind: "worktree",
    path: "/w/fix",
    repositoryPath: "/r",
    commonDirectory: "/r/.git",
    branch: "clauderon/fix",
    isOwnBranch: true,
    base: "0".repeat(40),
  },
  workspaceRequest: { withChanges: false },
  sandbox: {},
  notices: [],
  operation: { kind: "create", operationId: "operation", receipts: [], launchId: "launch" },
  createdAt: at,
};

function apply(state: SessionState | undefined, command: SessionCommand): SessionState | undefined {
  return decide(state, command).reduce<SessionState | undefined>((current, body) => project(current, body, at), state);
}

/** What the reactor would say next to bring the operation to its end. */
function advance(state: SessionState): SessionCommand {
  const { operation } = state;
  if (operation === undefined) throw new Error("there is nothing to advance");
  if (operation.undo !== undefined) return { type: "finish-undo" };
  const step = operationSteps[operation.kind].steps[operation.receipts.length];
  return step === undefined
    ? { type: "finish" }
    : { type: "complete-step", step, patch: step === "agent" ? { launchId: operation.launchId } : undefined };
}

const commands: fc.Arbitrary<SessionCommand | "advance"> = fc.oneof(
  { weight: 4, arbitrary: fc.constant("advance" as const) },
  fc.constant<SessionCommand>({ type: "create", state: initial }),
  fc.uuid().map((id): SessionCommand => ({ type: "start", operationId: id, launchId: id })),
  fc.uuid().map((id): SessionCommand => ({ type: "stop", operationId: id })),
  fc.uuid().map((id): SessionCommand => ({ type: "delete", operationId: id, deletion: {} })),
  fc.boolean().map((forgetsSession): SessionCommand => ({ type: "undo", reason, forgetsSession })),
  fc.constant<SessionCommand>({ type: "finish" }),
  fc.constant<SessionCommand>({ type: "finish-undo" }),
  fc.constant<SessionCommand>({ type: "fail", error: reason }),
  fc.constant<SessionCommand>({ type: "adopt" }),
  fc
    .constantFrom("workspace", "sandbox", "agent", "files")
    .map((step): SessionCommand => ({ type: "complete-step", step })),
  fc
    .integer({ min: 0, max: 3 })
    .map((exitCode): SessionCommand => ({ type: "agent-ended", exitCode, error: exitCode === 0 ? undefined : reason })),
);

describe("decide and project", () => {
  it("keep every state sound, whatever is asked in whatever order", () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 40 }), (sequence) => {
        let state = apply(undefined, { type: "create", state: initial });
        for (const asked of sequence) {
          if (state === undefined) break;
          const before: SessionState = state;
          if (asked === "advance" && before.operation === undefined) continue;
          try {
            state = apply(before, asked === "advance" ? advance(before) : asked);
          } catch (error) {
            expect(ClauderonError.isInstance(error)).toBe(true);
            continue;
          }
          if (state === undefined) break;
          expectSound(before, state);
        }
      }),
      { numRuns: 500 },
    );
  });

  function expectSound(before: SessionState, after: SessionState): void {
    expect({ id: after.id, name: after.name, createdAt: after.createdAt }).toEqual({
      id: before.id,
      name: before.name,
      createdAt: before.createdAt,
    });
    expect(after.revision).toBeGreaterThanOrEqual(before.revision);
    const { operation } = after;
    if (operation !== undefined) {
      const { steps } = operationSteps[operation.kind];
      expect(operation.receipts).toEqual(steps.slice(0, operation.receipts.length));
    }
    expect(after.lifecycle === "creating").toBe(operation?.kind === "create");
    expect(after.lifecycle === "deleting").toBe(operation?.kind === "delete");
    if (after.lifecycle === "failed" && operation === undefined) expect(after.error).toBeDefined();
    if (after.lifecycle === "running") expect(after.error).toBeUndefined();
  }

  it("create ends running, with every receipt stored in order", () => {
    let state = apply(undefined, { type: "create", state: initial });
    while (state?.operation !== undefined) state = apply(state, advance(state));
    expect(state).toMatchObject({ lifecycle: "running", launchId: "launch", operation: undefined });
  });

  it("start of a session whose agent never ran creates it again", () => {
    const failed = apply(
      apply(apply(undefined, { type: "create", state: initial }), { type: "undo", reason, forgetsSession: false }),
      { type: "finish-undo" },
    );
    expect(failed).toMatchObject({ lifecycle: "failed", error: reason });
    const retried = apply(failed, { type: "start", operationId: "second", launchId: "second" });
    expect(retried).toMatchObject({
      lifecycle: "creating",
      operation: { kind: "create", receipts: [] },
      error: undefined,
    });
  });

  it("a cancelled creation leaves no row", () => {
    const undone = apply(
      apply(apply(undefined, { type: "create", state: initial }), { type: "undo", reason, forgetsSession: true }),
      { type: "finish-undo" },
    );
    expect(undone).toBeUndefined();
  });

  it("refuses a second operation while one is in progress, with the fix", () => {
    const creating = apply(undefined, { type: "create", state: initial });
    expect(() => apply(creating, { type: "stop", operationId: "x" })).toThrow(
      expect.objectContaining({ code: "session.wrong-state", fix: [expect.stringContaining("clauderon wait fix")] }),
    );
  });
});
