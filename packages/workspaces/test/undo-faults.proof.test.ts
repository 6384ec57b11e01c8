import { it } from "vitest";

import { scaled } from "./scaled.ts";
import { walkDeleteFaults, walkRestoreFaults } from "./undo-faults.ts";

const STEP = scaled({ usual: 2, deep: 1 });

it("a deletion that fails at a call has lost nothing", () => walkDeleteFaults(STEP));

it("an undo that fails at a call is done by the next", () => walkRestoreFaults(STEP));
