import { rm } from "node:fs/promises";

/** What a container or machine left in a workspace under another user's name. */
const notOurs: ReadonlySet<unknown> = new Set(["EACCES", "EPERM"]);

/**
 * Removes a run's directory. Files that a sandbox made as another user may be beyond this user's reach: they are named on standard error, and
 * what the run found is not lost.
 */
export async function removeScratch(
  directory: string,
  remove: (directory: string) => Promise<void> = (path) => rm(path, { recursive: true, force: true, maxRetries: 5 }),
): Promise<void> {
  try {
    await remove(directory);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && notOurs.has(error.code))) throw error;
    process.stderr.write(`${directory} stays: a sandbox made files in it as another user (${error.message})\n`);
  }
}
