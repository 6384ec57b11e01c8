import { it } from "vitest";

import { checkpointsBringBack } from "./checkpoint-property.ts";

it("checkpoints bring random workspaces back", { timeout: 240_000 }, () => checkpointsBringBack(3));
