import { basename, dirname, join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { WorkspaceTools } from "../workspace-tools.ts";
import { privatePlaces } from "./private-places.ts";

/** Removes the working tree and both git directories, whatever is left of them. Each is renamed first: nothing half-removed is ever taken for whole. */
export async function takeDownPrivate(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  record: WorkspaceRecord,
): Promise<void> {
  const { directory } = privatePlaces(record);
  const id = basename(directory);
  for (const path of [record.path, directory]) {
    const trash = join(dirname(path), `.removing-${id}`);
    await fileSystem.remove(trash);
    if ((await fileSystem.kindOf(path)) === "absent") continue;
    await fileSystem.rename(path, trash);
    await fileSystem.remove(trash);
  }
}
