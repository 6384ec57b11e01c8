import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ensureHostKey } from "../src/host-key.ts";
import { hostLockHolder } from "../src/host-lock.ts";
import { hostPaths } from "../src/host-paths.ts";
import { dialSessionHost, startSessionHost } from "../src/start-session-host.ts";
import { describeHostProtocol } from "../src/testing/index.ts";

describeHostProtocol({
  name: "session host",
  async start() {
    const homeDirectory = await mkdtemp(join(tmpdir(), "clauderon-host-"));
    const paths = hostPaths(homeDirectory);
    (await startSessionHost({ homeDirectory })).destroy();
    const processId = hostLockHolder(paths.lock)?.processId ?? 0;
    return {
      key: ensureHostKey(paths.key),
      workspace: homeDirectory,
      async connect() {
        const socket = await dialSessionHost(homeDirectory);
        if (socket === undefined) throw new Error("the host is gone");
        return socket;
      },
      async memoryBytes() {
        return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${processId}/status`, "utf8"))?.[1]) * 1024;
      },
      async stop() {
        process.kill(processId, "SIGKILL");
        await rm(homeDirectory, { recursive: true, force: true, maxRetries: 10 });
      },
    };
  },
});
