import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { expect, it } from "vitest";

import { isProcessRunning } from "./index.ts";

it("tells what runs from what has ended", async () => {
  expect(isProcessRunning(process.pid)).toBe(true);
  expect(isProcessRunning(1)).toBe(true);
  const child = spawn("/bin/sh", ["-c", "exit 0"], { stdio: "ignore" });
  await once(child, "exit");
  expect(isProcessRunning(child.pid ?? 0)).toBe(false);
});

it.runIf(process.platform === "linux")("counts a zombie, which nobody may ever reap, as ended", async () => {
  // The child ends when the shell has become a program that knows nothing of it.
  const child = 'while [ "$(cat /proc/$PPID/comm)" != sleep ]; do sleep 0.01; done';
  const parent = spawn("/bin/sh", ["-c", '/bin/sh -c "$0" & echo $!; exec sleep 600', child], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
  await expect.poll(() => isProcessRunning(Number(line))).toBe(false);
  expect(() => process.kill(Number(line), 0)).not.toThrow();
  parent.kill("SIGKILL");
  await once(parent, "exit");
});
