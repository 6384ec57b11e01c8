import { dirname, join, resolve } from "node:path";

import type { RepositoryInfo, UncommittedChanges } from "@clauderon/core/contract";

import { guessRepository } from "./guess-repository.ts";
import { countStatus, type InspectOptions, inspectStatus } from "./inspect-status.ts";
import { readablePath } from "./porcelain-status.ts";
import { notFound } from "./repository/repository-errors.ts";
import { repositoryOf } from "./repository/repository-of.ts";
import type { LocatedRepository } from "./repository/repository-port.ts";
import { codeOf } from "./workspace-file-system.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** From any path inside a repository; one process. */
export async function resolveRepository(
  tools: WorkspaceTools,
  path: string,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<RepositoryInfo> {
  const located = await locateRepository(tools, path, options.signal);
  const headText = await tools.fileSystem.readText(join(located.gitDirectory, "HEAD"));
  const branch = /^ref: refs\/heads\/(.+)\n?$/u.exec(headText ?? "")?.[1];
  return {
    path: located.workTree ?? located.commonDirectory,
    commonDirectory: located.commonDirectory,
    head: located.head,
    branch,
  };
}

/** Of the checkout that `resolveRepository` found. */
export async function readChanges(
  tools: WorkspaceTools,
  { path, commonDirectory }: RepositoryInfo,
  options: InspectOptions & { readonly except?: readonly string[] | undefined },
): Promise<UncommittedChanges> {
  const guess = await guessRepository(tools.fileSystem, path);
  const isSame = guess?.workTree === path && guess.commonDirectory === commonDirectory;
  const { workTree, ...directories } = isSame ? guess : await locateRepository(tools, path, options.signal);
  if (workTree === undefined) return { count: 0, files: [] };
  const except = new Set(options.except);
  const status = await inspectStatus(tools, { ...directories, workTree }, options);
  const entries = status.filter(({ kind, path: name }) => kind !== "untracked" || !except.has(readablePath(name)));
  return { count: entries.length, files: countStatus(entries).files };
}

export async function locateRepository(
  tools: WorkspaceTools,
  path: string,
  signal?: AbortSignal,
): Promise<LocatedRepository> {
  const place = { path, directory: await realDirectory(tools, path) };
  return repositoryOf(tools).locate(place, { signal });
}

async function realDirectory(tools: WorkspaceTools, path: string): Promise<string> {
  if (path === "" || path.includes("\0")) throw notFound(JSON.stringify(path), "this cannot be a path");
  try {
    const real = await tools.fileSystem.realPath(resolve(path));
    return (await tools.fileSystem.kindOf(real)) === "directory" ? real : dirname(real);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") throw notFound(path, "there is nothing at this path", error);
    if (code === "EACCES" || code === "ELOOP" || code === "ENAMETOOLONG")
      throw notFound(path, `the path cannot be read (${code})`, error);
    throw error;
  }
}
