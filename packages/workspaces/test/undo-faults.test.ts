import { it } from "vitest";

import { walkDeleteFaults, walkRestoreFaults } from "./undo-faults.ts";

it("a deletion that fails at any call has lost nothing", { timeout: 120_000 }, () => walkDeleteFaults(10));

it("an undo that fails at any call is done by the next", { timeout: 120_000 }, () => walkRestoreFaults(10));
