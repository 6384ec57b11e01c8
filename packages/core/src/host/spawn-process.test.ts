import { tmpdir } from "node:os";

import { expect, test } from "vitest";

import { collectBytes } from "./collect-bytes.ts";
import { spawnProcess } from "./spawn-process.ts";

test("what a process wrote to its terminal before it ended can be read after its end", async () => {
  // A little more than is taken without a reader.
  const sizeBytes = 1024 * 1024 + 16_384;
  const handle = await spawnProcess(["sh", "-c", 'stty raw; head -c "$1" /dev/zero', "sh", String(sizeBytes)], {
    cwd: tmpdir(),
    environment: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
    terminal: { columns: 80, rows: 24 },
  });
  expect((await handle.exit).exitCode).toBe(0);
  expect((await collectBytes(handle.stdout)).length).toBe(sizeBytes);
});
