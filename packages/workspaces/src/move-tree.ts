import { codeOf } from "./workspace-file-system.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/**
 * Moves a directory, or copies it whole where the other place is on another file system; what is left behind then is the caller's to remove. `to` is
 * never there in part. Idempotent: what is at `to` already stays.
 */
export async function moveTree({ fileSystem }: WorkspaceTools, from: string, to: string): Promise<void> {
  if ((await fileSystem.kindOf(to)) !== "absent") return;
  try {
    await fileSystem.rename(from, to);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") throw error;
    const copy = `${to}.copying`;
    try {
      await fileSystem.remove(copy);
      await fileSystem.copyTree(from, copy);
      await fileSystem.rename(copy, to);
    } catch (failure) {
      await fileSystem.remove(copy);
      throw failure;
    }
  }
}
