import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { WorkspaceTools } from "../workspace-tools.ts";
import type { HostBranch } from "./follow-branches.ts";
import { pushInside, type PushCall } from "./push-inside.ts";

/** Gives the sandbox the commits that were made on this machine, under names of their own: what is checked out there is not touched. */
export async function sendHostBranches(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: Omit<PushCall, "specs"> & {
    readonly branches: readonly HostBranch[];
    /** What the sandbox has of them already: `refs/sandbox/host/…`. */
    readonly fetched: ReadonlyMap<string, string>;
  },
): Promise<void> {
  const wanted = call.branches.filter(({ name, commit }) => call.fetched.get(`refs/sandbox/host/${name}`) !== commit);
  if (wanted.length === 0) return;
  await pushInside(tools, record, {
    ...call,
    specs: wanted.map(({ name, commit }) => `+${commit}:refs/remotes/host/${name}`),
  });
}
