import { join } from "node:path";

import { lfsPointers } from "./lfs-pointers.ts";
import type { GitTree, OwnGitDirectory } from "./own-git-directory.ts";
import type { StatusEntry } from "./porcelain-status.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

const GITLINK = "160000";

interface StageCall {
  /** With an index and objects of its own. */
  readonly own: OwnGitDirectory;
  readonly entries: readonly StatusEntry[];
  /** How files that LFS keeps elsewhere are taken: as git with LFS would store them, or as they are. */
  readonly lfs: "pointers" | "content";
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts what a worktree holds beyond its index into the index of a scratch git directory. Git gets copies, made through directories that are held open: an agent that
 * replaces one by a symbolic link meanwhile shows nothing of what lies outside. Nested repositories are left out.
 */
export async function stageWork(tools: WorkspaceTools, tree: GitTree, call: StageCall): Promise<void> {
  const { own, lfs, signal } = call;
  const { fileSystem } = tools;
  const { environment } = own;
  const changed = call.entries.filter(({ path, workTree }) => workTree !== "." && !path.endsWith("/"));
  const modules = changed.filter(({ workTreeMode }) => workTreeMode === GITLINK).map(({ path }) => path);
  const paths = changed.filter(({ workTreeMode }) => workTreeMode !== GITLINK).map(({ path }) => path);
  const feed = async (workTree: string, names: readonly string[]): Promise<void> => {
    if (names.length === 0) return;
    await tools.git.inspect(["update-index", "--add", "--remove", "--replace", "-z", "--stdin"], {
      cwd: workTree,
      environment: { ...environment, GIT_WORK_TREE: workTree },
      input: Buffer.from(names.map((name) => `${name}\0`).join(""), "latin1"),
      signal,
    });
  };
  const asked = lfs === "content" ? [] : paths;
  const pointers = await lfsPointers(tools, tree, { paths: asked, environment, signal });
  const copies = join(environment["GIT_DIR"] ?? "", "work");
  await fileSystem.makeDirectory(copies);
  const plain = paths.filter((path) => !pointers.has(path));
  if (plain.length > 0) await fileSystem.copyHeld(tree.workTree, copies, plain);
  for (const [path, text] of pointers) await fileSystem.writeBeside(copies, path, text);
  await feed(copies, paths);
  // Of a submodule git reads which commit is checked out, and nothing else.
  await feed(tree.workTree, modules);
}
