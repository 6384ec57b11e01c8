import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it, onTestFinished } from "vitest";

import { exclusively } from "../src/container/exclusively.ts";

async function place(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "clauderon-lock-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, "lock");
}

describe("Work on a sandbox", () => {
  it("is done by one at a time, and leaves nothing", async () => {
    const path = await place();
    let running = 0;
    const order: number[] = [];
    await Promise.all(
      [1, 2, 3, 4, 5].map((turn) =>
        exclusively(path, async () => {
          running += 1;
          expect(running).toBe(1);
          await new Promise((resolve) => setImmediate(resolve));
          order.push(turn);
          running -= 1;
        }),
      ),
    );
    expect(new Set(order)).toEqual(new Set([1, 2, 3, 4, 5]));
    expect(await readdir(join(path, ".."))).toEqual([]);
  });

  it("goes on after one who failed, and after one who died", async () => {
    const path = await place();
    await expect(exclusively(path, async () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    await writeFile(path, `${pid} 1 token`);
    // Somebody else has that number by now, or nobody.
    expect(await exclusively(path, async () => "done")).toBe("done");
    await writeFile(path, `${process.pid} 1 token`);
    expect(await exclusively(path, async () => "done")).toBe("done");
  });
});
