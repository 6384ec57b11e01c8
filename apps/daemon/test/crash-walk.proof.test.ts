import { execFileSync } from "node:child_process";

import { describeCrashWalk } from "./crash-walk.suite.ts";

describeCrashWalk({
  backend: "local",
  environment: {},
  // The agents' processes are counted by the walk itself; the built-in backend has nothing else outside.
  outside: () => [],
  endKeepers(home) {
    try {
      execFileSync("pkill", ["-KILL", "-f", `session-host-main.*${home}`]);
    } catch {
      // There was none.
    }
  },
});
