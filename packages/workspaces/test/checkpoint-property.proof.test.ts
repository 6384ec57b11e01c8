import { it } from "vitest";

import { checkpointsBringBack } from "./checkpoint-property.ts";
import { scaled } from "./scaled.ts";

const RUNS = scaled({ usual: 25, deep: 300 });

it(`checkpoints bring random workspaces back, ${String(RUNS)} times`, () => checkpointsBringBack(RUNS));
