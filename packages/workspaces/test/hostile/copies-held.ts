import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { copyHeld, lookAtHeld } from "../../src/held-files.ts";
import { swappedPaths } from "./swapping.ts";

/** What a copy of the swapped files holds. */
export async function copiesHeld(workspace: string): Promise<string> {
  const copies = join(workspace, "..", `${workspace.split("/").at(-1) ?? ""}-copies`);
  mkdirSync(copies);
  try {
    await copyHeld(workspace, copies, swappedPaths);
    const looked = [...(await lookAtHeld(workspace, swappedPaths)).values()].map(({ start }) => start.toString());
    const copied = swappedPaths.map((path) => {
      try {
        return readFileSync(join(copies, path), "utf8");
      } catch {
        // It was not there.
        return "";
      }
    });
    return [...looked, ...copied].join("");
  } finally {
    rmSync(copies, { recursive: true, force: true });
  }
}
