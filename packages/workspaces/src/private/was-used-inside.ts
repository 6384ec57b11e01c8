import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { WorkspaceTools } from "../workspace-tools.ts";
import { privatePlaces } from "./private-places.ts";

/** Whether git has written into the sandbox's git directory since it was made. Only names are looked at; nothing in it is read. */
export async function wasUsedInside({ fileSystem }: WorkspaceTools, record: WorkspaceRecord): Promise<boolean> {
  const { inside } = privatePlaces(record);
  if ((await fileSystem.kindOf(inside)) === "absent") return false;
  const objects = (await fileSystem.names(join(inside, "objects"))).filter(
    (name) => name !== "info" && name !== "pack",
  );
  const kinds = await Promise.all(
    ["logs", "refs/stash", "ORIG_HEAD", "MERGE_HEAD"].map((name) => fileSystem.kindOf(join(inside, name))),
  );
  return objects.length > 0 || kinds.some((kind) => kind !== "absent");
}
