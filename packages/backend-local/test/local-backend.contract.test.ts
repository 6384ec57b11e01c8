import { describeBackendContract } from "@clauderon/core/testing";
import { createSessionHostClient } from "@clauderon/terminal";

import { createLocalBackend } from "../src/index.ts";

describeBackendContract({
  name: "local",
  create: (context) => createLocalBackend(context),
  async teardown({ homeDirectory, instanceId }) {
    await using client = createSessionHostClient({ homeDirectory, instanceId });
    const info = await client.info();
    if (info !== undefined) process.kill(info.processId, "SIGKILL");
  },
});
