import { dirname, join, resolve } from "node:path";

import {
  CommandError,
  type CommandResult,
  type RepositoryInfo,
  type UncommittedChanges,
  WorkspaceError,
} from "@clauderon/core/contract";

import { gitFailed } from "./git.ts";
import { guessRepository } from "./guess-repository.ts";
import { countStatus, type InspectOptions, inspectStatus } from "./inspect-status.ts";
import { readablePath } from "./porcelain-status.ts";
import { codeOf } from "./workspace-file-system.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** Where the git directories of a path are. */
export interface LocatedRepository {
  readonly gitDirectory: string;
  readonly commonDirectory: string;
  /** Absent in a bare repository. */
  readonly workTree: string | undefined;
  readonly head: string;
}

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

/** rev-parse prints options it does not know: a line that no path can be mistaken for parts the answers. */
const SEPARATOR = "--clauderon-next-answer";

export async function locateRepository(
  tools: WorkspaceTools,
  path: string,
  signal?: AbortSignal,
): Promise<LocatedRepository> {
  return locateAt(tools, { path, directory: await realDirectory(tools, path) }, signal);
}

async function locateAt(
  tools: WorkspaceTools,
  { path, directory }: { readonly path: string; readonly directory: string },
  signal: AbortSignal | undefined,
): Promise<LocatedRepository> {
  const questions = ["--git-dir", "--git-common-dir", "--is-bare-repository", "--show-cdup"].flatMap((question) => [
    question,
    SEPARATOR,
  ]);
  const args = ["rev-parse", "--path-format=absolute", ...questions, "--verify", "--quiet", "HEAD^{commit}"];
  const result = await tools.git.act(args, { cwd: directory, signal, accepts: [0, 1, 128] }).catch((error: unknown) => {
    if (CommandError.isInstance(error, "command.failed"))
      throw notFound(path, "the directory cannot be entered", error);
    throw error;
  });
  const answers = result.stdout.split(`${SEPARATOR}\n`).map((answer) => answer.replace(/\n$/u, ""));
  const [gitDirectory, commonDirectory, isBare, cdup, head] = answers;
  if (result.exitCode === 128 || gitDirectory === undefined || commonDirectory === undefined)
    throw notARepository(path, args, result);
  if (result.exitCode === 1 || head === undefined || head === "") throw empty(path);
  const inside = isBare === "true" ? undefined : workTreeOf(directory, gitDirectory, cdup ?? "");
  return { gitDirectory, commonDirectory, workTree: inside, head };
}

function workTreeOf(directory: string, gitDirectory: string, cdup: string): string {
  const isInGitDirectory = directory === gitDirectory || directory.startsWith(`${gitDirectory}/`);
  return isInGitDirectory ? dirname(gitDirectory) : resolve(directory, cdup);
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

function notFound(path: string, why: string, cause?: unknown): WorkspaceError {
  return new WorkspaceError({
    code: "repository.not-found",
    message: `There is no git repository at ${path}`,
    why,
    fix: ["give the path of a git repository: --repo PATH", "or its address: --repo https://HOST/PATH"],
    context: { path },
    cause,
  });
}

function notARepository(path: string, args: readonly string[], result: CommandResult): WorkspaceError {
  if (/dubious ownership|safe\.directory/u.test(result.stderr)) {
    return new WorkspaceError({
      code: "repository.not-found",
      message: `The repository at ${path} belongs to another user`,
      why: "git does not use repositories of other users unless told to",
      fix: [`if you trust it: git config --global --add safe.directory '${path}'`],
      context: { path },
    });
  }
  if (/not a git repository/u.test(result.stderr)) {
    return new WorkspaceError({
      code: "repository.not-found",
      message: `There is no git repository at ${path}`,
      why: "neither the directory nor one above it is a git repository",
      fix: [
        `make it one: git -C '${path}' init && git -C '${path}' commit --allow-empty -m 'First commit'`,
        "or name another: --repo PATH",
      ],
      context: { path },
    });
  }
  const failed = gitFailed(args, result);
  return new WorkspaceError({
    code: "repository.not-found",
    message: `The repository at ${path} cannot be used`,
    why: failed.why,
    fix: failed.fix,
    context: { path },
    cause: failed,
  });
}

function empty(path: string): WorkspaceError {
  return new WorkspaceError({
    code: "repository.empty",
    message: `The repository at ${path} has no commit to start from`,
    why: "HEAD names no commit: a worktree needs one",
    fix: [`make the first commit: git -C '${path}' commit --allow-empty -m 'First commit'`],
    context: { path },
  });
}
