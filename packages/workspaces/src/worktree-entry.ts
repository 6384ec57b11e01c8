import { basename, dirname, join, resolve } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { privatePlaces } from "./private/private-places.ts";
import type { WorkspaceFileSystem } from "./workspace-file-system.ts";
import { readMark, type WorkspaceMark } from "./workspace-mark.ts";

/** What the shared git directory knows about one linked worktree (gitrepository-layout(5), `worktrees/`), or the git directories of a private workspace. */
export interface WorktreeEntry {
  /** Absolute path of the entry: all that belongs to the one worktree besides its files. */
  readonly directory: string;
  /** Its own for git: HEAD and index. */
  readonly gitDirectory: string;
  /** For git, too: objects and references. */
  readonly commonDirectory: string;
  /** Where the worktree is said to be; absent in a half-made or half-removed entry. */
  readonly path: string | undefined;
  readonly mark: WorkspaceMark | undefined;
  /** Why it must not be pruned, as `git worktree lock` was told. */
  readonly lock: string | undefined;
}

/** The entry of a workspace: the one that says it lies at the path, or that carries the session's mark. Never asks the worktree's own `.git`. */
export async function findWorktreeEntry(
  fileSystem: WorkspaceFileSystem,
  record: WorkspaceRecord,
  sessionId?: string,
): Promise<WorktreeEntry | undefined> {
  if (record.kind !== "worktree") return findPrivateEntry(fileSystem, record);
  const parent = join(record.commonDirectory, "worktrees");
  const likely = basename(record.path);
  const names = await fileSystem.names(parent);
  const ordered = names.includes(likely) ? [likely, ...names.filter((name) => name !== likely)] : names;
  for (const name of ordered) {
    const entry = await readEntry(fileSystem, record.commonDirectory, join(parent, name));
    if (entry.path === record.path || (sessionId !== undefined && entry.mark?.sessionId === sessionId)) return entry;
  }
  return undefined;
}

/** Both git directories of a private workspace and what lies beside them. */
async function findPrivateEntry(
  fileSystem: WorkspaceFileSystem,
  record: WorkspaceRecord,
): Promise<WorktreeEntry | undefined> {
  const { directory, outside } = privatePlaces(record);
  if ((await fileSystem.kindOf(directory)) !== "directory") return undefined;
  const mark = await readMark(fileSystem, directory);
  return { directory, gitDirectory: outside, commonDirectory: outside, path: record.path, mark, lock: undefined };
}

async function readEntry(
  fileSystem: WorkspaceFileSystem,
  commonDirectory: string,
  directory: string,
): Promise<WorktreeEntry> {
  const [gitFile, lock, mark] = await Promise.all([
    fileSystem.readText(join(directory, "gitdir")),
    fileSystem.readText(join(directory, "locked")),
    readMark(fileSystem, directory),
  ]);
  const file = gitFile?.replace(/\n$/u, "");
  return {
    directory,
    gitDirectory: directory,
    commonDirectory,
    path: file === undefined || file === "" ? undefined : dirname(resolve(directory, file)),
    mark,
    lock,
  };
}
