import type { BackendModule } from "@clauderon/core/contract";

import { createDockerBackend } from "./docker-backend.ts";
import { parseDockerSettings } from "./docker-settings.ts";

export { createDockerBackend, dockerCapabilities, type DockerBackendOptions } from "./docker-backend.ts";
export { builtInImage, parseDockerSettings, type ChannelKind, type DockerSettings } from "./docker-settings.ts";
export type { Machine } from "./endpoint/usual-sockets.ts";
export type { PullProgress } from "./image/pull-progress.ts";

/** Makes the backend from a table of the configuration; specs bring the guest. */
export const createBackend: BackendModule["createBackend"] = (context, settings) =>
  createDockerBackend(context, parseDockerSettings(settings));
