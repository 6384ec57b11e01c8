import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { AgentProcessStatus, SandboxState } from "../../contract/sandbox.ts";
import type { SessionState } from "../../contract/session-state.ts";
import type { Lifecycle } from "../../contract/session.ts";
import type { Observation, ObservedSession } from "./observation.ts";
import { reconcilePlan } from "./reconcile-plan.ts";

const record = {
  kind: "worktree",
  path: "/w/fix",
  repositoryPath: "/r",
  commonDirectory: "/r/.git",
  branch: "clauderon/fix",
  isOwnBranch: true,
  base: "0".repeat(40),
} as const;

function sessionState(id: string, lifecycle: Lifecycle, isBusy: boolean): SessionState {
  return {
    id,
    name: `s${id}`,
    lifecycle,
    backend: "local",
    agent: "claude",
    request: { isPlanMode: false, permissionMode: "ask", isHeadless: false },
    conversationId: "c",
    isolation: "none",
    workspace: record,
    workspaceRequest: { withChanges: false },
    sandbox: {},
    launchId: "launch",
    notices: [],
    operation: isBusy ? { kind: "stop", operationId: "o", receipts: [] } : undefined,
    revision: 1,
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
  };
}

const ids = fc.constantFrom("1", "2", "3", "4", "5");
const agentStates = fc.constantFrom<AgentProcessStatus["state"]>("none", "running", "exited", "lost");
const observed: fc.Arbitrary<ObservedSession> = fc.record({
  state: fc
    .tuple(ids, fc.constantFrom<Lifecycle>("running", "stopped", "failed", "hibernated"), fc.boolean())
    .map(([id, lifecycle, isBusy]) => sessionState(id, lifecycle, isBusy)),
  sandbox: fc.option(
    fc.record({
      state: fc.constantFrom<SandboxState>("running", "stopped", "missing"),
      agent: fc.record({ state: agentStates, launchId: fc.constantFrom("launch", "other", undefined) }),
    }),
    { nil: undefined },
  ),
  workspaceExists: fc.boolean(),
});
const status = fc.record({
  exists: fc.boolean(),
  staged: fc.nat(2),
  unstaged: fc.nat(2),
  untracked: fc.nat(2),
  unreachedCommits: fc.nat(2),
  files: fc.constant<string[]>([]),
  stashes: fc.option(fc.nat(2), { nil: undefined }),
  isBehind: fc.option(fc.constant(true), { nil: undefined }),
  unsynced: fc.option(fc.constant({ since: "2026-01-01T00:00:00.000Z" }), { nil: undefined }),
});
const observations: fc.Arbitrary<Observation> = fc.record({
  sandboxes: fc.array(
    fc.record({
      sandboxId: ids,
      name: fc.constant("x"),
      state: fc.constant("running" as const),
      backend: fc.constant("local"),
    }),
  ),
  orphanWorkspaces: fc.array(
    fc.record({ sessionId: ids, name: fc.constant("x"), record: fc.constant(record), exists: fc.boolean(), status }),
  ),
  sessions: fc.uniqueArray(observed, { selector: (session) => session.state.id }),
});

describe("reconcilePlan", () => {
  it("removes nothing that belongs to a session, and no worktree that holds work", () => {
    fc.assert(
      fc.property(observations, (observation) => {
        const known = new Set(observation.sessions.map((session) => session.state.id));
        const away = observation.orphanWorkspaces.filter((workspace) => workspace.status.unsynced !== undefined);
        for (const { action } of reconcilePlan(observation)) {
          if (action.type === "destroy-sandbox") {
            expect(known).not.toContain(action.sandboxId);
            expect(away.map(({ sessionId }) => sessionId)).not.toContain(action.sandboxId);
          }
          if (action.type !== "remove-workspace") continue;
          expect(known).not.toContain(action.workspace.sessionId);
          const { staged, unstaged, untracked, unreachedCommits, stashes = 0, isBehind } = action.workspace.status;
          expect(staged + unstaged + untracked + unreachedCommits + stashes).toBe(0);
          expect([isBehind, action.workspace.status.unsynced]).toEqual([undefined, undefined]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("leaves sessions with an operation in progress, and those whose backend cannot be asked, as they are", () => {
    fc.assert(
      fc.property(observations, (observation) => {
        const spared = new Set(
          observation.sessions
            .filter((session) => session.state.operation !== undefined || session.sandbox === undefined)
            .map((session) => session.state.id),
        );
        for (const { action } of reconcilePlan(observation)) {
          if (action.type === "mark-ended" || action.type === "adopt") expect(spared).not.toContain(action.sessionId);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    { lifecycle: "running", agent: { state: "running", launchId: "launch" }, expected: [] },
    { lifecycle: "running", agent: { state: "exited", launchId: "launch" }, expected: ["drifted"] },
    { lifecycle: "running", agent: { state: "lost", launchId: "launch" }, expected: ["lost"] },
    { lifecycle: "stopped", agent: { state: "running", launchId: "launch" }, expected: ["adopted"] },
    { lifecycle: "stopped", agent: { state: "running", launchId: "other" }, expected: [] },
    { lifecycle: "stopped", agent: { state: "none" }, expected: [] },
  ] as const)("$lifecycle with an agent that is $agent.state → $expected", ({ lifecycle, agent, expected }) => {
    const session: ObservedSession = {
      state: sessionState("1", lifecycle, false),
      sandbox: { state: "running", agent },
      workspaceExists: true,
    };
    const plan = reconcilePlan({ sandboxes: [], orphanWorkspaces: [], sessions: [session] });
    expect(plan.map((planned) => planned.finding.kind)).toEqual(expected);
  });
});
