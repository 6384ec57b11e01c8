import type { WorkspaceRecord } from "@clauderon/core/contract";

import { findCheckout } from "../plan-workspace.ts";
import { retryLocked } from "../retry-locked.ts";
import { tipOf } from "../take-down.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { privatePlaces } from "./private-places.ts";

/**
 * Brings the session's branch, as it came out of the sandbox, to the user's repository. Only forward, and never one that is checked out: what cannot be brought stays where it
 * is. True when the branch there has everything.
 */
export async function publishBranch(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { outside } = privatePlaces(record);
  const { commonDirectory, branch } = record;
  const there = await tipOf(tools, record, signal);
  if (there === undefined) return false;
  const here = await commitOf(tools, outside, { branch, signal });
  if (here === undefined || here === there) return here !== undefined;
  if ((await findCheckout(tools, { ...record, signal })) !== undefined) return false;
  const options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];
  // The git directory is the daemon's own: what serves it here reads no word of the agent's.
  const args = [`--git-dir=${commonDirectory}`, "fetch", ...options, "--", outside, `${here}:refs/heads/${branch}`];
  try {
    await retryLocked(() => tools.git.act(args, { cwd: commonDirectory, signal }));
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    const wasRewritten = (await tipOf(tools, record, signal)) === there;
    if (!wasRewritten) throw error;
    tools.logger.warn(
      { branch, commit: here, error: String(error) },
      "the session's branch was rewritten and stays as it is",
    );
    return false;
  }
}

/** As it is inside; what the user has committed in the worktree comes first. */
async function commitOf(
  { git }: WorkspaceTools,
  outside: string,
  { branch, signal }: { readonly branch: string; readonly signal: AbortSignal | undefined },
): Promise<string | undefined> {
  const args = [`--git-dir=${outside}`, "rev-parse", "--verify", "--quiet", "--end-of-options"];
  const result = await git.inspect([...args, `refs/heads/${branch}^{commit}`], { signal, accepts: [0, 1, 128] });
  return result.exitCode === 0 ? result.stdout.trim() : undefined;
}
