import { it } from "vitest";

import { undoBringsBack } from "./undo-property.ts";

it("undo brings 300 random workspaces back", () => undoBringsBack(300));
