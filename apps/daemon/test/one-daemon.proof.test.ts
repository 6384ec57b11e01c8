import { test } from "vitest";

import { expectOneDaemon } from "./one-daemon.cases.ts";

test("of 50 daemons started at once one goes on", () => expectOneDaemon(50));
