import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { WorkspaceTools } from "../workspace-tools.ts";
import { privatePlaces } from "./private-places.ts";

/** Copies what is borrowed, for a worktree that stays when its session goes. Idempotent. */
export async function makeIndependent({ fileSystem, git }: WorkspaceTools, record: WorkspaceRecord): Promise<void> {
  const { outside } = privatePlaces(record);
  const alternates = join(outside, "objects", "info", "alternates");
  if ((await fileSystem.kindOf(alternates)) === "absent") return;
  // Without `--local`: borrowed objects, too.
  await git.inspect(["repack", "-a", "-d", "--quiet"], { cwd: "/", environment: { GIT_DIR: outside } });
  await fileSystem.remove(alternates);
}
