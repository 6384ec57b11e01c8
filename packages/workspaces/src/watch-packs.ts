import { join } from "node:path";

import type { CreationProgress } from "@clauderon/core/contract";

import type { WorkspaceTools } from "./workspace-tools.ts";

export interface PackWatch<Value> {
  /** Git directory that a pack is being written to. */
  readonly directory: string;
  readonly working: Promise<Value>;
  readonly tell: (seen: Pick<CreationProgress, "phase" | "bytes">) => void;
}

const LOOK_MS = 200;

/** Git tells its progress to a terminal alone; the file that it writes shows it, too. */
export async function watchPacks<Value>(
  { fileSystem, logger }: WorkspaceTools,
  { directory, working, tell }: PackWatch<Value>,
): Promise<Value> {
  const packs = join(directory, "objects", "pack");
  let hasEnded = false;
  const look = async (): Promise<void> => {
    const names = (await fileSystem.names(packs)).filter((name) => name.startsWith("tmp_pack_"));
    const sizes = await Promise.all(names.map((name) => fileSystem.bytesOf(join(packs, name))));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    if (!hasEnded) tell({ phase: names.length === 0 ? "counting" : "writing", bytes });
  };
  const safely = (): void => {
    look().catch((error: unknown) => logger.debug({ error: String(error) }, "how far git is cannot be seen"));
  };
  safely();
  const timer = setInterval(safely, LOOK_MS);
  try {
    return await working;
  } finally {
    hasEnded = true;
    clearInterval(timer);
  }
}
