import type { WorkspaceRecord } from "@clauderon/core/contract";

import { branchNames } from "../branch-names.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import type { HostBranch } from "./follow-branches.ts";
import { pushInside, type PushCall } from "./push-inside.ts";

const HOST = "refs/sandbox/host/";

/** What each is called inside, below `host/`: its own name, unless one that is there from before is in the way. That stays, as the agent may work with it. */
export function namesInside(
  branches: readonly Pick<HostBranch, "name">[],
  fetched: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const own = new Set(branches.map(({ name }) => name));
  const there = branchNames(
    [...fetched.keys()].flatMap((name) => (name.startsWith(HOST) ? [name.slice(HOST.length)] : [])),
  );
  const names = new Map<string, string>();
  const used = new Set<string>();
  for (const { name } of branches) {
    const isFree = (candidate: string): boolean =>
      there.blockerOf(candidate) === undefined && (candidate === name || (!own.has(candidate) && !used.has(candidate)));
    let inside = name;
    for (let number = 1; !isFree(inside); number += 1)
      inside = `${name.replaceAll("/", "-")}-here${number === 1 ? "" : `-${String(number)}`}`;
    names.set(name, inside);
    there.add(inside);
    used.add(inside);
  }
  return names;
}

/** Gives the sandbox the commits that were made on this machine, under names of their own: what is checked out there is not touched. */
export async function sendHostBranches(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: Omit<PushCall, "specs"> & {
    readonly branches: readonly HostBranch[];
    /** As `namesInside` says. */
    readonly names: ReadonlyMap<string, string>;
    /** What the sandbox has of them already: `refs/sandbox/host/…`. */
    readonly fetched: ReadonlyMap<string, string>;
  },
): Promise<void> {
  const specs = call.branches.flatMap(({ name, commit }) => {
    const inside = call.names.get(name) ?? name;
    return call.fetched.get(HOST + inside) === commit ? [] : [`+${commit}:refs/remotes/host/${inside}`];
  });
  if (specs.length > 0) await pushInside(tools, record, { ...call, specs });
}
