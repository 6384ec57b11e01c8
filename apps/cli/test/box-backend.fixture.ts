import type { Backend, BackendContext } from "@clauderon/core/contract";
import { createFakeBackend } from "@clauderon/core/testing";

/** For `[backends.box] module = "…"`: isolates as a container does, with nothing to install. */
export function createBackend(context: BackendContext): Backend {
  return createFakeBackend({ context, shape: "container", backendId: "box" });
}
