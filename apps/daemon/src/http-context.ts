import type { Engine } from "@clauderon/core";
import type { Logger, SessionStore } from "@clauderon/core/contract";
import type { DaemonFile } from "@clauderon/core/wire";
import type { TerminalHub } from "@clauderon/terminal";

import type { Creations } from "./creations.ts";

/** What routes and sockets work with. */
export interface HttpContext {
  readonly engine: Engine;
  readonly store: SessionStore;
  readonly hub: TerminalHub;
  readonly creations: Creations;
  readonly logger: Logger;
  /** Where this daemon answers; known once it listens. */
  daemonFile(): DaemonFile;
  /** Aborted when the daemon ends. */
  readonly ending: AbortSignal;
}
