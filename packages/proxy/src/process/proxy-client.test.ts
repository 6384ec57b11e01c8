import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { expect, it } from "vitest";

import { connectProxyProcess } from "./proxy-client.ts";
import { proxyProcessPaths } from "./proxy-process-paths.ts";

it("a process that is killed while it is being asked counts as none", async () => {
  const home = await mkdtemp(join(tmpdir(), "px-"));
  const { controlSocket } = proxyProcessPaths(home);
  await mkdir(dirname(controlSocket), { recursive: true });
  // As the kernel does with what waits at the socket of a process that dies.
  const dying = createServer((socket) => socket.destroy()).listen(controlSocket);
  await once(dying, "listening");
  try {
    expect(await connectProxyProcess(home)).toBeUndefined();
  } finally {
    dying.close();
    await rm(home, { recursive: true });
  }
});
