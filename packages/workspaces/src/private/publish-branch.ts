import type { WorkspaceRecord } from "@clauderon/core/contract";

import { findCheckout } from "../plan-workspace.ts";
import { retryLocked } from "../retry-locked.ts";
import { tipOf } from "../take-down.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { privatePlaces } from "./private-places.ts";
import { quietFetch } from "./quiet-fetch.ts";

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
  const { branch } = record;
  const there = await tipOf(tools, record, signal);
  if (there === undefined) return false;
  const here = await commitOf(tools, outside, { branch, signal });
  if (here === undefined || here === there) return here !== undefined;
  if ((await findCheckout(tools, { ...record, signal })) !== undefined) return false;
  try {
    await fetchHere(tools, record, { specs: [`${here}:refs/heads/${branch}`], signal });
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

/**
 * Brings everything that a merge or an application of changes works with to the user's repository: the branch, and the objects of HEAD and of what is staged, which
 * nothing there reaches and the next collection removes.
 */
export async function publishWork(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (record.kind === "worktree") return;
  const { outside } = privatePlaces(record);
  if ((await tools.fileSystem.kindOf(outside)) !== "directory") return;
  await publishBranch(tools, record, signal);
  const args = [`--git-dir=${outside}`, "rev-parse", "--verify", "--quiet", "--end-of-options"];
  const specs: string[] = [];
  for (const name of ["HEAD", "refs/sandbox/index"]) {
    const { exitCode, stdout } = await tools.git.inspect([...args, `${name}^{commit}`], {
      signal,
      accepts: [0, 1, 128],
    });
    if (exitCode === 0) specs.push(stdout.trim());
  }
  if (specs.length > 0) await fetchHere(tools, record, { specs, signal });
}

/** From the session's git directory on this machine into the user's repository. It is the daemon's own: what serves it here reads no word of the agent's. */
export async function fetchHere(
  { git }: WorkspaceTools,
  record: WorkspaceRecord,
  { specs, signal }: { readonly specs: readonly string[]; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const { commonDirectory } = record;
  const args = [`--git-dir=${commonDirectory}`, "fetch", ...quietFetch, "--", privatePlaces(record).outside, ...specs];
  await retryLocked(() => git.act(args, { cwd: commonDirectory, signal }));
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
