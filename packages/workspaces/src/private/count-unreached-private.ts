import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { quotePath } from "../own-git-directory.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { privatePlaces } from "./private-places.ts";

/**
 * Commits that came out of the sandbox or were made in the worktree, and that no reference of the user's repository reaches; the session's own branch
 * counts there only when asked for.
 */
export async function countUnreachedPrivate(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  {
    countsOwn = false,
    signal,
  }: { readonly countsOwn?: boolean | undefined; readonly signal?: AbortSignal | undefined },
): Promise<number> {
  const { outside } = privatePlaces(record);
  const { fileSystem, git } = tools;
  if ((await fileSystem.kindOf(outside)) !== "directory") return 0;
  const ask = async (directory: string, patterns: readonly string[]): Promise<readonly string[]> => {
    const args = [`--git-dir=${directory}`, "for-each-ref", "--format=%(objectname) %(refname)", ...patterns];
    return (await git.inspect(args, { signal })).stdout.split("\n").filter((line) => line !== "");
  };
  const ours = await ask(outside, ["refs/heads", "refs/sandbox/heads", "refs/sandbox/HEAD"]);
  const head = await git.inspect([`--git-dir=${outside}`, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"], {
    signal,
    accepts: [0, 1, 128],
  });
  const isThere = (await fileSystem.kindOf(record.commonDirectory)) === "directory";
  const theirs = isThere ? await ask(record.commonDirectory, ["refs/heads", "refs/tags", "refs/remotes"]) : [];
  const own = ` refs/heads/${record.branch}`;
  const object = (line: string): string => line.slice(0, line.indexOf(" "));
  const input = [
    ...ours.map(object),
    ...(head.exitCode === 0 ? [head.stdout.trim()] : []),
    `^${record.base}`,
    ...theirs.filter((line) => countsOwn || !line.endsWith(own)).map((line) => `^${object(line)}`),
    "",
  ].join("\n");
  // The repository's objects besides: a merge of the session's commits is there alone.
  const environment = {
    GIT_DIR: outside,
    ...(isThere ? { GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(join(record.commonDirectory, "objects")) } : {}),
  };
  const { stdout } = await git.inspect(["rev-list", "--count", "--ignore-missing", "--stdin"], {
    cwd: "/",
    environment,
    input,
    signal,
  });
  return Number(stdout.trim());
}
