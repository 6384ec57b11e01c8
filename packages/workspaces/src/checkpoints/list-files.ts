import { constants } from "node:fs";

import { allSettled } from "../all-settled.ts";
import type { EntryStatus } from "../held-files.ts";
import { type GitTree, makeOwnGitDirectory } from "../own-git-directory.ts";
import { readablePath } from "../porcelain-status.ts";
import { bytesOf, parentsOf } from "../results/paths.ts";
import type { UserSettings } from "../user-settings.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { cannotCapture, nestedInTheWay } from "./checkpoint-errors.ts";

export interface ListOptions {
  readonly settings: UserSettings;
  /** Paths that are taken, too, when they are there, ignored or not. */
  readonly also?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What of a working tree a checkpoint holds. Paths are bytes, held one per character (`latin1`); modes are `st_mode`. */
export interface ListedTree {
  readonly files: ReadonlyMap<string, EntryStatus>;
  /** Those that hold files of it, and empty ones. */
  readonly directories: ReadonlyMap<string, number>;
  /** Nested repositories, pipes and the like. */
  readonly skipped: readonly string[];
}

const AT_ONCE = 64;

/** Tracked files and those that are neither tracked nor ignored, as the user's and the repository's rules have it. */
export async function listFiles(tools: WorkspaceTools, tree: GitTree, options: ListOptions): Promise<ListedTree> {
  const { settings, signal } = options;
  await using own = await makeOwnGitDirectory(tools, tree, { use: "read", settings: await settings.read(signal) });
  const list = async (args: readonly string[]): Promise<readonly string[]> => {
    const call = { cwd: tree.workTree, environment: own.environment, signal };
    const result = await tools.git.inspectBytes(["ls-files", "-z", ...args], call);
    return result
      .toString("latin1")
      .split("\0")
      .filter((path) => path !== "");
  };
  const [tracked, others, collapsed] = await allSettled([
    list(["--cached"]),
    list(["--others", "--exclude-standard"]),
    list(["--others", "--exclude-standard", "--directory"]),
  ]);
  const skipped = others.filter((path) => path.endsWith("/"));
  const wanted = new Set([...tracked, ...others.filter((path) => !path.endsWith("/"))]);
  const empty = collapsed.filter((path) => path.endsWith("/") && !skipped.includes(path));
  if (empty.length > 0) {
    const ignored = new Set(await list(["--others", "--ignored", "--exclude-standard", "--directory"]));
    const walk = { workTree: tree.workTree, leave: new Set([...ignored, ...skipped]) };
    for (const path of await emptyDirectories(tools, walk, empty)) wanted.add(path);
  }
  for (const path of await everythingAt(tools, tree.workTree, options.also ?? [])) wanted.add(path);
  return await lookAt(tools, tree.workTree, { wanted: [...wanted], skipped: new Set(skipped), signal });
}

interface Looked {
  readonly wanted: readonly string[];
  readonly skipped: Set<string>;
  readonly signal?: AbortSignal | undefined;
}

async function lookAt(
  tools: WorkspaceTools,
  workTree: string,
  { wanted, skipped, signal }: Looked,
): Promise<ListedTree> {
  const files = new Map<string, EntryStatus>();
  const directories = new Map<string, number>();
  const look = async (path: string): Promise<void> => {
    const status = await readable(path, () => tools.fileSystem.statusOf(bytesOf(workTree, path)));
    if (status === undefined) return;
    const { mode } = status;
    const type = mode & constants.S_IFMT;
    if (type === constants.S_IFREG || type === constants.S_IFLNK) files.set(path, status);
    else if (type === constants.S_IFDIR) directories.set(path, mode);
    else skipped.add(path);
  };
  for (let at = 0; at < wanted.length; at += AT_ONCE) {
    signal?.throwIfAborted();
    await Promise.all(wanted.slice(at, at + AT_ONCE).map((path) => look(path.replace(/\/$/u, ""))));
  }
  const parents = new Set([...files.keys(), ...directories.keys()].flatMap(parentsOf));
  for (const path of parents) if (!directories.has(path)) await look(path);
  // A tracked path below a link is none of the tree's.
  for (const path of files.keys()) if (parentsOf(path).some((parent) => !directories.has(parent))) files.delete(path);
  return { files, directories, skipped: [...skipped].toSorted().map(readablePath) };
}

interface Walk {
  readonly workTree: string;
  /** Directories that are not entered, with a slash at the end. */
  readonly leave: ReadonlySet<string>;
}

/** Git names a directory in which nothing is tracked once, with all below it. */
async function emptyDirectories(
  { fileSystem }: WorkspaceTools,
  { workTree, leave }: Walk,
  from: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (path: string): Promise<void> => {
    if (leave.has(path)) return;
    const place = bytesOf(workTree, path.slice(0, -1));
    const mode = await fileSystem.modeOf(place);
    if (mode === undefined || (mode & constants.S_IFMT) !== constants.S_IFDIR) return;
    const names = await readable(path, () => fileSystem.byteNames(place));
    if (names.length === 0) found.push(path);
    for (const name of names) await visit(`${path}${name}/`);
  };
  for (const path of from) await visit(path);
  return found;
}

/** Files at and below these paths, and such as stand where their directories would have to be. */
async function everythingAt(
  { fileSystem }: WorkspaceTools,
  workTree: string,
  paths: readonly string[],
): Promise<readonly string[]> {
  const found = new Set<string>();
  const seen = new Set<string>();
  const visit = async (path: string, isDeep: boolean): Promise<"directory" | "other"> => {
    const place = bytesOf(workTree, path);
    const mode = await fileSystem.modeOf(place);
    if (mode === undefined) return "other";
    if ((mode & constants.S_IFMT) !== constants.S_IFDIR) {
      found.add(path);
      return "other";
    }
    const names = await readable(path, () => fileSystem.byteNames(place));
    if (names.includes(".git")) throw nestedInTheWay(readablePath(path));
    if (!isDeep) return "directory";
    for (const name of names) await visit(`${path}/${name}`, true);
    return "directory";
  };
  for (const path of paths) {
    let isReached = true;
    for (const parent of parentsOf(path)) {
      if (seen.has(parent)) continue;
      isReached = (await visit(parent, false)) === "directory";
      if (!isReached) break;
      seen.add(parent);
    }
    if (isReached) await visit(path, true);
  }
  return [...found];
}

async function readable<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw cannotCapture(readablePath(path), error instanceof Error ? error.message : String(error));
  }
}
