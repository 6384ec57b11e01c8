import { join } from "node:path";

import type { GitCall } from "../git.ts";
import type { GitTree } from "../own-git-directory.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { writeObjects } from "./write-objects.ts";

/** What a merge, rebase, cherry-pick, revert or bisect in progress leaves in a worktree's entry, by gitrepository-layout(5) and git's sources. */
const stateFiles = new Set([
  "MERGE_HEAD",
  "MERGE_MSG",
  "MERGE_MODE",
  "MERGE_RR",
  "MERGE_AUTOSTASH",
  "AUTO_MERGE",
  "SQUASH_MSG",
  "CHERRY_PICK_HEAD",
  "REVERT_HEAD",
  "REBASE_HEAD",
  "ORIG_HEAD",
  "BISECT_LOG",
  "BISECT_START",
  "BISECT_TERMS",
  "BISECT_NAMES",
  "BISECT_RUN",
  "BISECT_HEAD",
  "BISECT_EXPECTED_REV",
  "BISECT_ANCESTORS_OK",
  "BISECT_FIRST_PARENT",
]);
const stateDirectories = new Set(["rebase-merge", "rebase-apply", "sequencer"]);
/** Those of `refs` that every worktree has for itself; a private workspace's git directory has all others besides. */
const ownRefs = ["refs/bisect", "refs/worktree", "refs/rewritten"];

/** What of a git directory is part of a checkpoint; paths in it. */
export async function stateIn(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  gitDirectory: string,
): Promise<readonly string[]> {
  const found = (await fileSystem.names(gitDirectory)).filter(
    (name) => stateFiles.has(name) || stateDirectories.has(name),
  );
  for (const path of ownRefs) if ((await fileSystem.kindOf(join(gitDirectory, path))) === "directory") found.push(path);
  return found;
}

/** Lines for `git update-index -z --index-info` that hold the state; its files are written as objects. */
export async function indexEntries(
  tools: WorkspaceTools,
  { tree, at }: { readonly tree: GitTree; readonly at: GitCall },
): Promise<readonly string[]> {
  const { fileSystem } = tools;
  const found: string[] = [];
  const visit = async (path: string): Promise<void> => {
    const place = join(tree.gitDirectory, path);
    const kind = await fileSystem.kindOf(place);
    if (kind === "file") found.push(path);
    if (kind === "directory") for (const name of await fileSystem.names(place)) await visit(join(path, name));
  };
  for (const path of await stateIn(tools, tree.gitDirectory)) await visit(path);
  // Names come from git's own files: none holds a newline.
  const plain = found.filter((path) => !path.includes("\n"));
  if (plain.length === 0) return [];
  const hashes = await writeObjects(
    tools,
    at,
    plain.map((path) => join(tree.gitDirectory, path)),
  );
  return plain.map((path, index) => `100644 ${hashes[index] ?? ""}\t${Buffer.from(path).toString("latin1")}\0`);
}
