import { type CommandResult, WorkspaceError } from "@clauderon/core/contract";

import { gitFailed } from "../git.ts";
import { redactUrl } from "../repository-url.ts";

export function notFound(path: string, why: string, cause?: unknown): WorkspaceError {
  return new WorkspaceError({
    code: "repository.not-found",
    message: `There is no git repository at ${path}`,
    why,
    fix: ["give the path of a git repository: --repo PATH", "or its address: --repo https://HOST/PATH"],
    context: { path },
    cause,
  });
}

export function outsideRepository(path: string): WorkspaceError {
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

export function foreignRepository(path: string): WorkspaceError {
  return new WorkspaceError({
    code: "repository.not-found",
    message: `The repository at ${path} belongs to another user`,
    why: "git does not use repositories of other users unless told to",
    fix: [`if you trust it: git config --global --add safe.directory '${path}'`],
    context: { path },
  });
}

export function notARepository(path: string, args: readonly string[], result: CommandResult): WorkspaceError {
  if (/dubious ownership|safe\.directory/u.test(result.stderr)) return foreignRepository(path);
  if (/not a git repository/u.test(result.stderr)) return outsideRepository(path);
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

export function empty(path: string): WorkspaceError {
  return new WorkspaceError({
    code: "repository.empty",
    message: `The repository at ${path} has no commit to start from`,
    why: "HEAD names no commit: a worktree needs one",
    fix: [`make the first commit: git -C '${path}' commit --allow-empty -m 'First commit'`],
    context: { path },
  });
}

export function emptyRemote(url: string): WorkspaceError {
  return new WorkspaceError({
    code: "repository.empty",
    message: `The repository ${redactUrl(url)} has no commit to start from`,
    why: "its HEAD names no commit",
    fix: ["push a first commit to it"],
  });
}

export function unreachable(url: string, complaint: string, cause?: unknown): WorkspaceError {
  const shown = redactUrl(url);
  return new WorkspaceError({
    code: "repository.not-found",
    message: `The repository ${shown} cannot be read`,
    why: redactUrl(complaint.trim().split("\n").slice(0, 5).join("; ")) || undefined,
    fix: [`see whether you can: git ls-remote '${shown}'`, "give an address that you may read, or the path of a clone"],
    context: { url: shown },
    cause,
  });
}
