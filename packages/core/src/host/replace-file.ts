import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Writes a file whole: readers see the old content or the new, and the new is on the disk when this resolves. A link stays a link and keeps leading to
 * the file; an existing file keeps its mode, a new one gets `mode`.
 */
export async function replaceFile(path: string, content: string, mode = 0o600): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const existing = await stat(target).catch(() => undefined);
  const temporary = join(dirname(target), `.clauderon-${crypto.randomUUID()}`);
  try {
    await using handle = await open(temporary, "wx", mode);
    await handle.writeFile(content);
    if (existing !== undefined) await handle.chmod(existing.mode & 0o7777);
    await handle.sync();
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
