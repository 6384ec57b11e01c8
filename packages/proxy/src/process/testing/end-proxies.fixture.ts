import { readdir, readlink } from "node:fs/promises";

import { expect } from "vitest";

/** Processes whose output goes into a file below the directory: what a proxy of a home is known by, as its home is in none of its arguments. */
export async function proxiesOf(root: string): Promise<readonly number[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name));
  const outputs = await Promise.all(names.map(async (name) => readlink(`/proc/${name}/fd/1`).catch(() => "")));
  return names.map(Number).filter((_, index) => outputs[index]?.startsWith(`${root}/`) === true);
}

/** Ends every proxy that was started for a home below the directory, also one whose start was given up or whose number nobody wrote down. */
export async function endProxiesOf(root: string): Promise<void> {
  const endAll = async (): Promise<number> => {
    const running = await proxiesOf(root);
    for (const processId of running) {
      try {
        process.kill(processId, "SIGKILL");
      } catch {
        // It has ended already.
      }
    }
    return running.length;
  };
  await expect.poll(endAll, { timeout: 20_000 }).toBe(0);
}
