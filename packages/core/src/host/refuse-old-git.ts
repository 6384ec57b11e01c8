import { CommandError } from "../contract/errors/command-error.ts";

const OLDEST = { major: 2, minor: 39 };

/** Takes what `git --version` answers. Throws `command.not-found` when that git is too old to be trusted with somebody's work; a version that cannot be read passes. */
export function refuseOldGit(answer: string): void {
  const [, major = "", minor = ""] = /^git version (\d+)\.(\d+)/u.exec(answer) ?? [];
  const isOld =
    major !== "" && (Number(major) < OLDEST.major || (Number(major) === OLDEST.major && Number(minor) < OLDEST.minor));
  if (!isOld) return;
  const version = `${major}.${minor}`;
  throw new CommandError({
    code: "command.not-found",
    message: `git ${version} is too old: clauderon needs 2.39 or newer`,
    why: "an older one cannot work out a merge without touching files, nor keep the settings of a repository out",
    fix: [
      "install a newer git, for example: sudo apt install git, or brew install git",
      "when there is one already, put its directory first on the PATH of the daemon: clauderon daemon restart",
    ],
    context: { program: "git", version },
  });
}
