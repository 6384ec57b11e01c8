import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { WorkspaceError } from "@clauderon/core/contract";
import { endMarkedProcesses, markedProcesses, markerVariable } from "@clauderon/core/host";

import type { Git } from "./git.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** Registering a worktree takes git some 20 ms, on a busy machine a second; killed in the middle it could leave a lock on the branch for ever. */
const PATIENCE_MS = 3000;
const POLL_MS = 10;
const GRACE_MS = 5000;

/** The same git, whose processes say for which session they make a workspace. */
export function gitForSession(tools: WorkspaceTools, sessionId: string): Git {
  const { git } = tools;
  const mark = { [markerVariable]: markOf(tools, sessionId) };
  return {
    inspect: (args, call) => git.inspect(args, { ...call, environment: { ...call?.environment, ...mark } }),
    actBytes: (args, call) => git.actBytes(args, { ...call, environment: { ...call?.environment, ...mark } }),
    inspectBytes: (args, call) => git.inspectBytes(args, { ...call, environment: { ...call?.environment, ...mark } }),
    act: (args, call) => git.act(args, { ...call, environment: { ...call?.environment, ...mark } }),
  };
}

/**
 * A process that dies leaves the git it has started running, and that goes on to make what is taken down here: lets it end, and ends what takes long.
 * Resolves when none runs.
 */
export async function endOrphanedGit(tools: WorkspaceTools, sessionId: string): Promise<void> {
  const mark = markOf(tools, sessionId);
  const start = performance.now();
  while ((await markedProcesses(mark)).length > 0 && performance.now() - start < PATIENCE_MS) await pause(POLL_MS);
  const { left } = await endMarkedProcesses(mark, { graceMs: GRACE_MS });
  if (left.length === 0) return;
  throw new WorkspaceError({
    message: "A git that was making this workspace does not end",
    why: `its process ${left.join(", ")} cannot be killed`,
    fix: ["see what it waits for (a network disk?), end it, and try again"],
    context: { sessionId, processes: left },
  });
}

/** A copy of a home has the same ids: its path tells them apart. */
function markOf({ instanceId, homeDirectory }: WorkspaceTools, sessionId: string): string {
  const digest = createHash("sha256").update(`${homeDirectory}\0${sessionId}`).digest("hex");
  return `${instanceId}/workspace-${digest.slice(0, 32)}`;
}
