import { randomUUID } from "node:crypto";

import { spawnProcess } from "@clauderon/core/host";
import { expect, it } from "vitest";

import { hasServerAt } from "./server-process.ts";

it.skipIf(process.platform !== "linux")("sees the server of a socket while it lives, and no other", async () => {
  const socket = `/tmp/${randomUUID()}/contract_version_1/clauderon-fix`;
  expect(hasServerAt(socket)).toBe(false);
  const argv = [
    process.execPath,
    "-e",
    'console.log("up"); setInterval(() => {}, 1e6)',
    "--",
    "--server",
    socket,
  ] as const;
  const server = await spawnProcess(argv, { cwd: "/", environment: {} });
  await server.stdout.getReader().read();
  expect(hasServerAt(socket)).toBe(true);
  expect(hasServerAt(`${socket}-two`)).toBe(false);
  expect(hasServerAt(socket.slice(0, -1))).toBe(false);
  await server.kill("SIGKILL");
  await server.exit;
  expect(hasServerAt(socket)).toBe(false);
});
