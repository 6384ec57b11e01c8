import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { WorkspaceTools } from "../workspace-tools.ts";
import { privatePlaces } from "./private-places.ts";

/** Stashes in the sandbox, as of the last sync: in a private workspace they are nobody else's. */
export async function countStashes(
  { git, fileSystem }: WorkspaceTools,
  record: WorkspaceRecord,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { outside } = privatePlaces(record);
  if ((await fileSystem.kindOf(outside)) !== "directory") return 0;
  const ask = async (name: string): Promise<readonly string[]> => {
    const args = [`--git-dir=${outside}`, "rev-parse", "--verify", "--quiet", "--end-of-options", name];
    if ((await git.inspect(args, { signal, accepts: [0, 1, 128] })).exitCode !== 0) return [];
    const listed = await git.inspect([`--git-dir=${outside}`, "rev-list", "--parents", "--max-count=1", name], {
      signal,
    });
    return listed.stdout.trim().split(" ").slice(1);
  };
  const several = await ask("refs/sandbox/stashes");
  if (several.length > 0) return several.length;
  return (await ask("refs/sandbox/stash")).length > 0 ? 1 : 0;
}
