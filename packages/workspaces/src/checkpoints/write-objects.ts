import { type GitCall, gitFailed } from "../git.ts";
import { quotePath } from "../own-git-directory.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

const COMMAND = ["hash-object", "-w", "--no-filters", "--stdin-paths"];

/** Writes files as objects, byte for byte; their names in the same order. */
export async function writeObjects(
  { git }: WorkspaceTools,
  at: GitCall,
  files: readonly string[],
): Promise<readonly string[]> {
  if (files.length === 0) return [];
  const result = await git.inspect(COMMAND, { ...at, input: `${files.map(quotePath).join("\n")}\n` });
  const names = result.stdout.trim().split("\n");
  if (names.length !== files.length) throw gitFailed(COMMAND, result);
  return names;
}
