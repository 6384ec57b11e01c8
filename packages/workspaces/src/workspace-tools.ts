import type { Logger } from "@clauderon/core/contract";

import type { Git } from "./git.ts";
import type { ScratchDirectories } from "./scratch-directories.ts";
import type { WorkspaceFileSystem } from "./workspace-file-system.ts";

/** What every part of this package works with. */
export interface WorkspaceTools {
  readonly git: Git;
  /** What git gets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly fileSystem: WorkspaceFileSystem;
  readonly logger: Logger;
  readonly scratch: ScratchDirectories;
  /** Absolute. */
  readonly homeDirectory: string;
  readonly instanceId: string;
}
