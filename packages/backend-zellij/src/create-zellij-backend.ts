import type { Backend, BackendContext, BackendModule } from "@clauderon/core/contract";

import { createSessionHostSandboxes } from "./session-host-sandboxes.ts";
import { ZellijBackend } from "./zellij-backend.ts";
import { parseZellijSettings, type ZellijSettings } from "./zellij-settings.ts";

/** Sessions in zellij: `zellij attach clauderon-<name>` shows them, with or without clauderon. No I/O. */
export function createZellijBackend(context: BackendContext, settings: ZellijSettings = {}): Backend {
  return new ZellijBackend(context, settings, createSessionHostSandboxes(context));
}

/** For `[backends.NAME] module = "@clauderon/backend-zellij"`. */
export const createBackend: BackendModule["createBackend"] = (context, settings) =>
  createZellijBackend(context, parseZellijSettings(settings));
