import { it } from "vitest";

import { undoBringsBack } from "./undo-property.ts";

it("undo brings random workspaces back", { timeout: 120_000 }, () => undoBringsBack(8));
