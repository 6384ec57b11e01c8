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

it("a process that takes the question and answers nothing is told as that, not waited for", async () => {
  const home = await mkdtemp(join(tmpdir(), "px-"));
  const { controlSocket, log } = proxyProcessPaths(home);
  await mkdir(dirname(controlSocket), { recursive: true });
  const silent = createServer().listen(controlSocket);
  await once(silent, "listening");
  try {
    await expect(connectProxyProcess(home, { answerMs: 100 })).rejects.toMatchObject({
      code: "daemon.unreachable",
      message: "The proxy does not answer",
      fix: [expect.stringContaining("kill -9") as string, `see ${log}`],
    });
  } finally {
    silent.close();
    await rm(home, { recursive: true });
  }
});
