import type { WorkspaceRecord } from "@clauderon/core/contract";

import { countBeyond, type HostBranch } from "../private/follow-branches.ts";
import { privatePlaces } from "../private/private-places.ts";
import { quietFetch } from "../private/quiet-fetch.ts";
import { tipOf } from "../take-down.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

/** What the user has committed on the session's branch in their repository and the sandbox's branches do not hold, with its objects in the session's own. */
export async function readRepositoryBranch(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { fetched, signal }: { readonly fetched: ReadonlyMap<string, string>; readonly signal: AbortSignal },
): Promise<HostBranch | undefined> {
  const { git } = tools;
  const { outside } = privatePlaces(record);
  const { branch, base, commonDirectory } = record;
  const commit = await tipOf(tools, record, signal);
  const inside = [...fetched].flatMap(([name, object]) =>
    name === "refs/sandbox/HEAD" || name.startsWith("refs/sandbox/heads/") ? [object] : [],
  );
  if (commit === undefined || commit === base || inside.includes(commit)) return undefined;
  const args = [`--git-dir=${outside}`, "cat-file", "-e", `${commit}^{commit}`];
  if ((await git.inspect(args, { signal, accepts: [0, 1, 128] })).exitCode !== 0) {
    const spec = `+refs/heads/${branch}:refs/repository/${branch}`;
    await git.act([`--git-dir=${outside}`, "fetch", ...quietFetch, "--", commonDirectory, spec], { cwd: "/", signal });
  }
  const count = await countBeyond(tools, { gitDirectory: outside }, { commit, without: inside, signal });
  return count === 0 ? undefined : { name: `repository/${branch}`, commit, count, isAhead: false };
}
