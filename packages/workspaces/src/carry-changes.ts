import { createHash } from "node:crypto";
import { posix } from "node:path";

import { WorkspaceError } from "@clauderon/core/contract";

import { indexInfo } from "./index-info.ts";
import { inspectStatus, type InspectOptions } from "./inspect-status.ts";
import { type GitTree, makeOwnGitDirectory } from "./own-git-directory.ts";
import { readablePath, type StatusEntry } from "./porcelain-status.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/**
 * Copies what the source's working tree holds beyond its HEAD into the target: staged stays staged, the rest unstaged or untracked; deletions,
 * modes, symbolic links and bytes as they are. The source is only read. Nested repositories are left out.
 */
export async function carryChanges(
  tools: WorkspaceTools,
  trees: { readonly source: GitTree; readonly target: GitTree },
  options: InspectOptions,
): Promise<void> {
  const { source, target } = trees;
  const entries = (await inspectStatus(tools, source, options)).filter(({ path }) => !path.endsWith("/"));
  if (entries.length === 0) return;
  if (source.head !== target.head) await refuseOverlap(tools, trees, { entries, signal: options.signal });
  const files = entries.filter(({ indexMode, workTreeMode }) => indexMode !== GITLINK && workTreeMode !== GITLINK);
  const isGone = ({ index, workTree }: StatusEntry): boolean => workTree === "D" || (index === "D" && workTree === ".");
  for (const { path } of files.filter(isGone)) await tools.fileSystem.remove(bytesOf(target.workTree, path));
  for (const { path } of files.filter((entry) => !isGone(entry))) {
    await tools.fileSystem.makeDirectory(bytesOf(target.workTree, posix.dirname(path)));
    await tools.fileSystem.copyEntry(bytesOf(source.workTree, path), bytesOf(target.workTree, path));
  }
  await stage(tools, target, { entries, signal: options.signal });
}

const GITLINK = "160000";

interface Carried {
  readonly entries: readonly StatusEntry[];
  readonly signal: AbortSignal | undefined;
}

/** The staged contents are in the shared objects already: only the names have to be put into the index. */
async function stage(tools: WorkspaceTools, target: GitTree, { entries, signal }: Carried): Promise<void> {
  const staged = entries.filter(({ index }) => index !== ".");
  if (staged.length === 0) return;
  const lines = staged.map(({ index, indexMode, indexHash, path }) => ({
    path,
    mode: index === "D" ? "000000" : indexMode,
    object: indexHash,
  }));
  await using own = await makeOwnGitDirectory(tools, target, { use: "user" });
  await tools.git.inspect(["update-index", "-z", "--index-info"], {
    cwd: target.workTree,
    environment: own.environment,
    input: indexInfo(lines, target.head),
    signal,
  });
}

/**
 * Whole files are copied; where the base has another version of one, that would silently take the base's changes back. Where it has something else in the
 * place of one of the file's directories, a symbolic link would lead the copy out of the workspace.
 */
async function refuseOverlap(
  tools: WorkspaceTools,
  { source, target }: { readonly source: GitTree; readonly target: GitTree },
  { entries, signal }: Carried,
): Promise<void> {
  const output = await tools.git.inspectBytes(
    [
      `--git-dir=${source.commonDirectory}`,
      "diff-tree",
      "-r",
      "--name-only",
      "--no-renames",
      "-z",
      source.head,
      target.head,
    ],
    { signal },
  );
  const differing = new Set(output.toString("latin1").split("\0"));
  const directories = new Set([...differing].flatMap(ancestors));
  const overlap = entries
    .map(({ path }) => path)
    .filter((path) => directories.has(path) || [path, ...ancestors(path)].some((name) => differing.has(name)));
  if (overlap.length === 0) return;
  throw new WorkspaceError({
    message: `The uncommitted changes cannot be carried over: ${String(overlap.length)} of the changed files are different in the base`,
    why: overlap.slice(0, 5).map(readablePath).join(", "),
    fix: [
      "start from the commit you are on: leave out --base and --branch",
      "or commit the changes first and leave out --with-changes",
    ],
    context: { files: overlap.slice(0, 20).map(readablePath) },
  });
}

function ancestors(path: string): readonly string[] {
  const names = path.split("/");
  return names.slice(1).map((_name, index) => names.slice(0, index + 1).join("/"));
}

/** Changes when anything uncommitted in the tree does. */
export async function digestOfChanges(tools: WorkspaceTools, tree: GitTree, options: InspectOptions): Promise<string> {
  const hash = createHash("sha256");
  for (const entry of await inspectStatus(tools, tree, options)) {
    hash.update(JSON.stringify([entry, await tools.fileSystem.stampOf(bytesOf(tree.workTree, entry.path))]));
  }
  return hash.digest("hex");
}

function bytesOf(directory: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path, "latin1")]);
}
