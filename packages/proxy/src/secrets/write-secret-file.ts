import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { makePrivateDirectory } from "@clauderon/core/host";

/**
 * Stores a secret whole and for this user alone, whatever the umask and whatever was there before: readers see the old value or the new one, a link is replaced
 * and not followed.
 */
export async function writeSecretFile(path: string, value: string): Promise<void> {
  const directory = dirname(path);
  await makePrivateDirectory(directory);
  const temporary = join(directory, `.clauderon-${randomUUID()}`);
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    await using handle = await open(temporary, flags, 0o600);
    await handle.writeFile(`${value}\n`);
    await handle.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await using folder = await open(directory, constants.O_RDONLY);
  await folder.sync();
}
