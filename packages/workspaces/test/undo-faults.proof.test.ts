import { it } from "vitest";

import { walkDeleteFaults, walkRestoreFaults } from "./undo-faults.ts";

it("a deletion that fails at any call has lost nothing", () => walkDeleteFaults(1));

it("an undo that fails at any call is done by the next", () => walkRestoreFaults(1));
