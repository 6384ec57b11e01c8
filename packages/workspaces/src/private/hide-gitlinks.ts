import type { GitTree } from "../own-git-directory.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

/**
 * Marks every gitlink of the index as skip-worktree: git then never enters the repository in its place, whose configuration the agent writes. `index`
 * is the file to be changed; default: the tree's own.
 */
export async function hideGitlinks(
  { git }: WorkspaceTools,
  { gitDirectory, workTree }: Pick<GitTree, "gitDirectory" | "workTree">,
  { index, signal }: { readonly index?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const environment = {
    GIT_DIR: gitDirectory,
    GIT_WORK_TREE: workTree,
    ...(index === undefined ? {} : { GIT_INDEX_FILE: index }),
  };
  const call = { cwd: workTree, environment, signal };
  const listed = await git.inspectBytes(["ls-files", "--stage", "-z"], call);
  const paths = listed
    .toString("latin1")
    .split("\0")
    .flatMap((line) => (/^160000 [0-9a-f]+ 0\t/u.test(line) ? [line.slice(line.indexOf("\t") + 1)] : []));
  if (paths.length === 0) return;
  const input = Buffer.from(paths.map((path) => `${path}\0`).join(""), "latin1");
  await git.inspect(["update-index", "--skip-worktree", "-z", "--stdin"], { ...call, input });
}
