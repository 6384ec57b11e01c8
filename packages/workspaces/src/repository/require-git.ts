import { findProgram } from "@clauderon/core/host";

import { gitNeeded } from "./git-needed.ts";

/** Asked before anything is made that git is needed for; without starting it. */
export async function requireGit(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const found = await findProgram("git", { cwd: "/", environment });
  if (!("path" in found)) throw gitNeeded();
}
