import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { GitConfigEntry } from "../git-config-file.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

/** As whom the user commits, so that commits made inside are theirs, too. Nothing when git knows no one. */
export async function readIdentity(
  { git }: WorkspaceTools,
  { commonDirectory }: WorkspaceRecord,
  signal: AbortSignal | undefined,
): Promise<readonly GitConfigEntry[]> {
  const entries: GitConfigEntry[] = [];
  for (const key of ["user.name", "user.email"]) {
    const args = [`--git-dir=${commonDirectory}`, "config", "--includes", "--get", key];
    const { exitCode, stdout } = await git.act(args, { cwd: "/", signal, accepts: [0, 1] });
    if (exitCode === 0) entries.push({ key, value: stdout.replace(/\n$/u, "") });
  }
  return entries;
}
