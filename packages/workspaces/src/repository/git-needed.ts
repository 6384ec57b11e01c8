import { CommandError } from "@clauderon/core/contract";

/** Whether it was the program git that could not be started, as there is none. One that is too old is one. */
export function isGitMissing(error: unknown): boolean {
  return isGit(error) && error.context["version"] === undefined;
}

/** Whether there is a git that is older than what is needed. */
export function isGitTooOld(error: unknown): error is CommandError {
  return isGit(error) && error.context["version"] !== undefined;
}

function isGit(error: unknown): error is CommandError {
  return CommandError.isInstance(error, "command.not-found") && error.context["program"] === "git";
}

/** For what only git can do. */
export function gitNeeded(cause?: unknown): CommandError {
  return new CommandError({
    code: "command.not-found",
    message: "This needs git, and there is no git on this machine",
    why: "without it repositories are found, cloned, fetched and read; worktrees and what is in them need git",
    fix: [
      "install git, for example: sudo apt install git",
      "or put its directory on PATH and restart: clauderon daemon restart",
    ],
    context: { program: "git" },
    cause,
  });
}

/** For what isomorphic-git, in use where there is no git, does not do. */
export function notWithoutGit(message: string, why: string): CommandError {
  return new CommandError({
    code: "command.not-found",
    message,
    why: `there is no git on this machine, and isomorphic-git, which is used in its place, cannot: ${why}`,
    fix: ["install git, for example: sudo apt install git"],
    context: { program: "git" },
  });
}
