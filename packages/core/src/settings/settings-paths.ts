import { homedir } from "node:os";
import { isAbsolute, join, normalize } from "node:path";

import { SettingsError } from "../contract/errors/settings-error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where everything of this installation lives: `CLAUDERON_HOME`, else `~/.clauderon`. */
export function homeDirectory(environment: Environment): string {
  const chosen = environment["CLAUDERON_HOME"] ?? "";
  if (chosen === "") return join(environment["HOME"] || homedir(), ".clauderon");
  if (isAbsolute(chosen)) return normalize(chosen).replace(/(?<=.)\/+$/, "");
  throw new SettingsError({
    message: `CLAUDERON_HOME is not an absolute path: ${chosen}`,
    why: "every command would look for it in another directory",
    fix: [`set CLAUDERON_HOME to an absolute path, as in CLAUDERON_HOME="$PWD/${chosen}"`],
    context: { CLAUDERON_HOME: chosen },
  });
}

/** The user's configuration file. */
export function settingsPath(homeDirectory: string): string {
  return join(homeDirectory, "config.toml");
}
