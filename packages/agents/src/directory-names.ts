import { realpath } from "node:fs/promises";

/** The directory as named and as a process in it sees it, where that differs. */
export async function directoryNames(directory: string): Promise<readonly string[]> {
  // A directory that is not there yet has no other name.
  const real = await realpath(directory).catch(() => directory);
  return [...new Set([directory, real])];
}
