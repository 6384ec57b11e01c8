import type { ReconcileFinding } from "../../contract/clauderon.ts";
import type { Observation, ObservedSession } from "./observation.ts";

/** What is to be done about a finding. */
export type ReconcileAction =
  | { readonly type: "destroy-sandbox"; readonly backend: string; readonly sandboxId: string }
  | { readonly type: "remove-workspace"; readonly workspace: OrphanWorkspace }
  | { readonly type: "mark-ended"; readonly sessionId: string; readonly point: "mark-lost" | "mark-drifted" }
  | { readonly type: "adopt"; readonly sessionId: string }
  | { readonly type: "report" };

type OrphanWorkspace = Observation["orphanWorkspaces"][number];

export interface PlannedFinding {
  readonly finding: ReconcileFinding;
  readonly action: ReconcileAction;
}

/** Compares what is recorded with what is there. Pure. Sessions with an operation in progress are left to it. */
export function reconcilePlan(observation: Observation): readonly PlannedFinding[] {
  const ids = new Set(observation.sessions.map((session) => session.state.id));
  const away = new Set(
    observation.orphanWorkspaces.flatMap(({ sessionId, status }) => (status.unsynced === undefined ? [] : [sessionId])),
  );
  return [
    ...observation.sandboxes
      .filter((sandbox) => !ids.has(sandbox.sandboxId))
      .map((sandbox) => planOrphanSandbox(sandbox, away.has(sandbox.sandboxId))),
    ...observation.orphanWorkspaces.filter((workspace) => !ids.has(workspace.sessionId)).map(planOrphanWorkspace),
    ...observation.sessions.filter((session) => session.state.operation === undefined).flatMap(planSession),
  ];
}

function planOrphanSandbox(sandbox: Observation["sandboxes"][number], isAway: boolean): PlannedFinding {
  const action = isAway
    ? "keep it: it may hold work that is nowhere else; remove it with its backend's own means once you have that"
    : "remove it; workspaces are not touched";
  return {
    finding: {
      kind: "orphan",
      subject: "sandbox",
      name: sandbox.name,
      sessionId: sandbox.sandboxId,
      backend: sandbox.backend,
      message: `a ${sandbox.backend} sandbox without a session`,
      action,
    },
    action: isAway
      ? { type: "report" }
      : { type: "destroy-sandbox", backend: sandbox.backend, sandboxId: sandbox.sandboxId },
  };
}

function planOrphanWorkspace(workspace: OrphanWorkspace): PlannedFinding {
  const { status } = workspace;
  const uncommitted = status.staged + status.unstaged + status.untracked;
  const { unreachedCommits: commits, stashes = 0 } = status;
  const isInSandbox = status.isBehind === true || status.unsynced !== undefined;
  const holdsWork = uncommitted + commits + stashes > 0 || isInSandbox;
  const stashed = stashes === 0 ? "" : `, ${stashes} ${stashes === 1 ? "stash" : "stashes"}`;
  const more = isInSandbox ? "; its sandbox may hold more, which has not come out" : "";
  return {
    finding: {
      kind: "orphan",
      subject: "workspace",
      name: workspace.name,
      sessionId: workspace.sessionId,
      message: `a worktree without a session at ${workspace.record.path}`,
      action: holdsWork
        ? `keep it: it holds ${uncommitted} uncommitted paths${stashed} and ${commits} commits that are nowhere else${more}`
        : "remove it: it holds nothing that is not elsewhere",
    },
    action: holdsWork ? { type: "report" } : { type: "remove-workspace", workspace },
  };
}

function planSession(session: ObservedSession): readonly PlannedFinding[] {
  const { state, sandbox, workspaceExists } = session;
  const about = { name: state.name, sessionId: state.id, backend: state.backend } as const;
  const findings: PlannedFinding[] = [];
  if (!workspaceExists && (state.lifecycle === "running" || state.lifecycle === "stopped")) {
    findings.push({
      finding: {
        ...about,
        kind: "lost",
        subject: "workspace",
        message: `its worktree is gone from ${state.workspace.path}`,
        action: `nothing; put it back, or: clauderon delete ${state.name} --discard`,
      },
      action: { type: "report" },
    });
  }
  if (sandbox === undefined) return findings;
  if (state.lifecycle === "running" && sandbox.agent.state !== "running") {
    const isGone = sandbox.state === "missing" || sandbox.agent.state === "lost" || sandbox.agent.state === "none";
    findings.push({
      finding: {
        ...about,
        kind: isGone ? "lost" : "drifted",
        subject: isGone ? "sandbox" : "session",
        message: isGone
          ? `its ${state.backend} sandbox is gone${sandbox.reason === undefined ? "" : `: ${sandbox.reason}`}`
          : "its agent has ended",
        action: `record it; clauderon start ${state.name} brings it back`,
      },
      action: { type: "mark-ended", sessionId: state.id, point: isGone ? "mark-lost" : "mark-drifted" },
    });
  }
  const isOurLaunch = sandbox.agent.launchId !== undefined && sandbox.agent.launchId === state.launchId;
  if (
    (state.lifecycle === "stopped" || state.lifecycle === "failed") &&
    sandbox.agent.state === "running" &&
    isOurLaunch
  ) {
    findings.push({
      finding: {
        ...about,
        kind: "adopted",
        subject: "session",
        message: `its agent runs although the session was ${state.lifecycle}`,
        action: "take it over as running",
      },
      action: { type: "adopt", sessionId: state.id },
    });
  }
  return findings;
}
