import type { BackendModule } from "@clauderon/core/contract";

import { createLocalBackend } from "./local-backend.ts";

export { createLocalBackend };

/** Makes the backend from a table of the configuration. */
export const createBackend: BackendModule["createBackend"] = createLocalBackend;
