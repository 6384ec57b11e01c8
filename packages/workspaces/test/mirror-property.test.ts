import { it } from "vitest";

import { mirrorsShowWhatIsVisible } from "./mirror-property.ts";

it("borrowers see exactly what is visible", { timeout: 120_000 }, () => mirrorsShowWhatIsVisible(6));
