import { describeCrashWalk } from "./crash-walk.suite.ts";
import { endSessionHost } from "./end-session-host.ts";

describeCrashWalk({
  backend: "local",
  openWorld: (home) => ({
    environment: {},
    // The agents' processes are counted by the walk itself; the built-in backend has nothing else outside.
    sessions: () => [],
    endKeepers: () => endSessionHost(home),
    [Symbol.dispose]: () => undefined,
  }),
});
