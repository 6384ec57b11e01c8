import { posix } from "node:path";

import type { OwnGitDirectory } from "../own-git-directory.ts";
import { parsePorcelainStatus, readablePath } from "../porcelain-status.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { bytesOf, parentsOf } from "./paths.ts";
import { inTheWay, refused } from "./result-errors.ts";
import type { FileChange } from "./result-record.ts";

export interface WayCall {
  readonly workTree: string;
  readonly changes: readonly FileChange[];
  /** Of the user's working tree, with the user's settings. */
  readonly own: OwnGitDirectory;
  /** For the message: `The merge`. */
  readonly doing: string;
  readonly signal?: AbortSignal | undefined;
}

/** Refuses when a change would touch anything that is not exactly as its commit has it, or would go through a link. */
export async function checkWay(tools: WorkspaceTools, call: WayCall): Promise<void> {
  const { workTree, changes, doing } = call;
  const paths = new Set(changes.map(({ path }) => path));
  const found = new Set([...(await dirty(tools, call, paths)), ...(await blocked(tools, call))]);
  if (found.size > 0) throw inTheWay({ workTree, files: [...found].map(readablePath).toSorted(), doing });
}

async function dirty(
  { git }: WorkspaceTools,
  { workTree, own, signal }: WayCall,
  paths: ReadonlySet<string>,
): Promise<readonly string[]> {
  const call = { cwd: workTree, environment: { ...own.environment, GIT_OPTIONAL_LOCKS: "0" }, signal };
  // As the user: a file that went through a filter of theirs (LFS) is what it was.
  const status = [
    "status",
    "--porcelain=v2",
    "-z",
    "--no-renames",
    "--untracked-files=all",
    "--ignore-submodules=dirty",
  ];
  const entries = parsePorcelainStatus(await git.actBytes(status, call));
  const marks = (await git.inspectBytes(["ls-files", "-v", "-z"], call)).toString("latin1").split("\0");
  if (marks.some((mark) => mark.startsWith("S ") || mark.startsWith("s "))) throw sparse(workTree);
  // Git does not look at files that are marked as assumed unchanged.
  const assumed = marks.filter((mark) => /^[a-z] /u.test(mark)).map((mark) => mark.slice(2));
  return [...entries.map(({ path }) => path), ...assumed].filter((path) => paths.has(path));
}

function sparse(workTree: string): Error {
  return refused({
    message: `${workTree} is a sparse checkout`,
    why: "some of its files are left out on purpose, and which those would be after it is git's to say",
    fix: ["merge there with git itself", `or see everything: git -C '${workTree}' sparse-checkout disable`],
    context: { workTree },
  });
}

/** Places where something lies that no status tells: ignored files, directories, links on the way. */
async function blocked({ fileSystem }: WorkspaceTools, { workTree, changes }: WayCall): Promise<readonly string[]> {
  const goes = new Set(
    changes.filter(({ before, after }) => before !== undefined && after === undefined).map(({ path }) => path),
  );
  const found: string[] = [];
  const parents = new Map<string, boolean>();
  const isPassable = async (parent: string): Promise<boolean> => {
    const known = parents.get(parent);
    if (known !== undefined) return known;
    const kind = await fileSystem.kindOf(bytesOf(workTree, parent));
    const answer = kind === "directory" || kind === "absent" || goes.has(parent);
    parents.set(parent, answer);
    return answer;
  };
  for (const { path, before, after } of changes) {
    for (const parent of parentsOf(path)) if (!(await isPassable(parent))) found.push(parent);
    const kind = await fileSystem.kindOf(bytesOf(workTree, path));
    if (before !== undefined) {
      if (before.mode !== "160000" && kind !== "file" && kind !== "link") found.push(path);
    } else if (after !== undefined && kind !== "absent") {
      if (kind !== "directory") found.push(path);
      else if (after.mode !== "160000") found.push(...(await leftIn({ fileSystem }, { workTree, path, goes })));
    }
  }
  return found;
}

/** Of a directory where a file is to be: what would still be in it when these files are gone. */
export async function leftIn(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  at: { readonly workTree: string; readonly path: string; readonly goes: ReadonlySet<string> },
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await fileSystem.names(bytesOf(at.workTree, at.path))) {
    const path = posix.join(at.path, Buffer.from(name).toString("latin1"));
    const kind = await fileSystem.kindOf(bytesOf(at.workTree, path));
    if (kind === "directory") found.push(...(await leftIn({ fileSystem }, { ...at, path })));
    else if (!at.goes.has(path)) found.push(path);
  }
  return found;
}
