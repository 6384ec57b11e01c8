import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";

import { expect, onTestFinished, test } from "vitest";

import { spawnPipes } from "./host-pipes.ts";

/** Nothing else runs in this process meanwhile. */
function blockFor(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

test("output is not lost when this program was not run for long after the process ended", async () => {
  const directory = mkdtempSync(join(tmpdir(), "clauderon-pipes-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }));
  const [go, done] = [join(directory, "go"), join(directory, "done")];
  const script = '(while ! [ -e "$1" ]; do sleep 0.01; done; printf out; : > "$2") &';
  const ended = Promise.withResolvers<void>();
  let output = "";
  const child = await spawnPipes(
    {
      argv: ["/bin/sh", "-c", script, "sh", go, done],
      cwd: "/",
      environment: { PATH: "/usr/bin:/bin" },
      hasInput: false,
    },
    { output: (_source, bytes) => (output += bytes.toString()), end: () => ended.resolve() },
  );
  while (existsSync(`/proc/${child.processId}`)) await nextTurn();
  // Its end was seen. What it left behind writes while nothing is read, until the timer is due, which comes first.
  writeFileSync(go, "");
  while (!existsSync(done)) blockFor(10);
  blockFor(300);
  await ended.promise;
  expect(output).toBe("out");
});
