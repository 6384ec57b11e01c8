import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, rm } from "node:fs/promises";

import type { HeldDirectory } from "./held-directory.ts";

export interface WholeFile {
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array>;
  readonly mode: number;
  readonly modifiedAt?: Date | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Writes beside the place and renames: readers see the old content or the new. On failure nothing is left. */
export async function writeWholeFile(directory: HeldDirectory, file: WholeFile): Promise<void> {
  await placeWhole(directory, file.name, async (temporary) => {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    await using handle = await open(temporary, flags, 0o600);
    for await (const chunk of file.content) {
      file.signal?.throwIfAborted();
      await handle.writeFile(chunk);
    }
    file.signal?.throwIfAborted();
    const owner = await directory.otherOwner();
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    await handle.chmod(file.mode);
    if (file.modifiedAt !== undefined) await handle.utimes(file.modifiedAt, file.modifiedAt);
  });
}

/** Makes something under a temporary name and renames it over the name. */
export async function placeWhole(
  directory: HeldDirectory,
  name: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = directory.path(`.clauderon-${randomUUID()}`);
  try {
    await make(temporary);
    await rename(temporary, directory.path(name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
