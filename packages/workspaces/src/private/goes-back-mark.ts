import { join } from "node:path";

import type { WorkspaceTools } from "../workspace-tools.ts";

/** That the sandbox's HEAD, branch and index have to become what they are on this machine. */
export interface GoesBack {
  /** The checkpoint that the session went back to; absent in what an earlier version wrote. */
  readonly checkpoint?: string | undefined;
  /** Commits that came out before and that checkpoints hold: what was checked out each time that files were put back since the sandbox last followed. */
  readonly known: readonly string[];
}

const NAME = "clauderon-goes-back";

export async function readGoesBack(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  gitDirectory: string,
): Promise<GoesBack | undefined> {
  const text = await fileSystem.readText(join(gitDirectory, NAME));
  if (text === undefined) return undefined;
  try {
    const { checkpoint, known }: Partial<Record<string, unknown>> = { ...(JSON.parse(text) as object | null) };
    return {
      ...(typeof checkpoint === "string" ? { checkpoint } : {}),
      known: Array.isArray(known) ? known.filter((commit): commit is string => typeof commit === "string") : [],
    };
  } catch {
    // Of an earlier version, or damaged by a disk: then nothing counts as known, and all that is replaced is kept.
    return { known: [] };
  }
}

/** From now on it has to: files have been put back that belong to that. `head` is what was checked out before, when there was a commit. */
export async function markGoesBack(
  tools: Pick<WorkspaceTools, "fileSystem">,
  gitDirectory: string,
  { checkpoint, head }: { readonly checkpoint: string; readonly head: string | undefined },
): Promise<void> {
  const { known = [] } = (await readGoesBack(tools, gitDirectory)) ?? {};
  const mark: GoesBack = { checkpoint, known: [...new Set([...known, ...(head === undefined ? [] : [head])])] };
  await tools.fileSystem.replaceDurably(join(gitDirectory, NAME), JSON.stringify(mark));
}

export async function removeGoesBack(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  gitDirectory: string,
): Promise<void> {
  await fileSystem.remove(join(gitDirectory, NAME));
}
