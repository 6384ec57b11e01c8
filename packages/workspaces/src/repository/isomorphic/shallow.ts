import { join } from "node:path";

import type { ConfinedFiles } from "./confined-files.ts";

/** Where a shallow history ends. */
export async function shallowOf(files: ConfinedFiles, gitDirectory: string): Promise<ReadonlySet<string>> {
  const text = await files.promises.readFile(join(gitDirectory, "shallow"), "utf8").catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    return "";
  });
  return new Set(String(text).split("\n").filter(Boolean));
}
