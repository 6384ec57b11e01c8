import { it } from "vitest";

import { checkpointsBringBack } from "./checkpoint-property.ts";

it("checkpoints bring random workspaces back, 300 times", { timeout: 3_000_000 }, () => checkpointsBringBack(300));
