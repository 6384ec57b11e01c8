import type { Backend, BackendContext } from "@clauderon/core/contract";
import { createFakeBackend } from "@clauderon/core/testing";

/** For `[backends.box] module = "…"`: processes of this machine behind the interface of a container. */
export function createBackend(context: BackendContext): Backend {
  return createFakeBackend({ context, shape: "container", backendId: "box" });
}
