import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { GitConfigEntry } from "../git-config-file.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

/** As whom the user commits, so that commits made inside are theirs, too. Nothing when git knows no one. */
export async function readIdentity(
  { git }: WorkspaceTools,
  { commonDirectory }: WorkspaceRecord,
  signal: AbortSignal | undefined,
): Promise<readonly GitConfigEntry[]> {
  const args = [`--git-dir=${commonDirectory}`, "config", "--includes", "-z", "--get-regexp", "^user\\.(name|email)$"];
  const { stdout } = await git.act(args, { cwd: "/", signal, accepts: [0, 1] });
  const found = stdout.split("\0").flatMap((entry) => {
    const [, key, value = ""] = /^(user\.(?:name|email))\n(.*)$/su.exec(entry) ?? [];
    return key === undefined ? [] : [[key, { key, value }] as const];
  });
  // The last one counts.
  return [...new Map(found).values()];
}
