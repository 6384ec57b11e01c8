import { openRig } from "./daemon-rig.ts";
import { describeSessions } from "./sessions.suite.ts";

describeSessions({
  name: "the daemon's client",
  async open(homeDirectory) {
    const rig = await openRig(homeDirectory);
    return { clauderon: rig.client, close: () => rig.close() };
  },
});
