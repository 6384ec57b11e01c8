import { randomUUID } from "node:crypto";
import { join } from "node:path";

import type { Logger } from "@clauderon/core/contract";
import { isProcessRunning } from "@clauderon/core/host";

import type { WorkspaceFileSystem } from "./workspace-file-system.ts";

/** Places for git directories that live as long as one command. */
export interface ScratchDirectories {
  /** A name that nobody has; nothing is made. `discard` never rejects: what cannot be removed is swept later. */
  reserve(): { readonly path: string; readonly discard: () => Promise<void> };
  /** Removes what ended processes and failed removals have left. */
  sweep(): Promise<void>;
}

export interface ScratchOptions {
  readonly fileSystem: WorkspaceFileSystem;
  readonly logger: Logger;
  /** Where they lie. */
  readonly directory: string;
  /** Called by `sweep` for what another process has left, before it is removed. */
  readonly onLeft?: ((name: string) => Promise<void>) | undefined;
}

export function createScratchDirectories(options: ScratchOptions): ScratchDirectories {
  const { fileSystem, logger, directory: parent } = options;
  const ours = `${String(process.pid)}.${randomUUID()}.`;
  const inUse = new Set<string>();
  return {
    reserve: () => {
      const name = `${ours}${randomUUID()}`;
      inUse.add(name);
      const path = join(parent, name);
      return {
        path,
        discard: async () => {
          inUse.delete(name);
          try {
            await fileSystem.remove(path);
          } catch (error) {
            logger.warn({ path, error: String(error) }, "a scratch directory stays until the next sweep");
          }
        },
      };
    },
    sweep: async () => {
      for (const name of await fileSystem.names(parent)) {
        const isOurs = name.startsWith(ours);
        const isLeft = isOurs ? !inUse.has(name) : !isProcessRunning(Number.parseInt(name, 10));
        if (!isLeft) continue;
        if (!isOurs) await options.onLeft?.(name);
        await fileSystem.remove(join(parent, name));
      }
    },
  };
}
