import type { Sandbox, WorkspaceRecord } from "@clauderon/core/contract";

import { complaintOf } from "../git.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { remoteName, type SyncLimits } from "./fetch-sandbox.ts";
import type { HostBranch } from "./follow-branches.ts";
import { gitInside, privatePlaces } from "./private-places.ts";
import { printable, serveSandboxGit, syncFailed } from "./serve-sandbox-git.ts";

/** Gives the sandbox the commits that were made on this machine, under names of their own: what is checked out there is not touched. */
export async function sendHostBranches(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: {
    readonly branches: readonly HostBranch[];
    /** What the sandbox has of them already: `refs/sandbox/host/…`. */
    readonly fetched: ReadonlyMap<string, string>;
    readonly sandbox: Pick<Sandbox, "exec">;
    readonly limits: SyncLimits;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { sandbox, limits, signal } = call;
  const wanted = call.branches.filter(({ name, commit }) => call.fetched.get(`refs/sandbox/host/${name}`) !== commit);
  if (wanted.length === 0) return;
  const { outside } = privatePlaces(record);
  const maxBytes = limits.maxBytes;
  await using git = await serveSandboxGit({
    sandbox,
    directory: gitInside(record).directory,
    service: "git-receive-pack",
    maxBytes,
    signal,
  });
  const specs = wanted.map(({ name, commit }) => `+${commit}:refs/remotes/host/${name}`);
  try {
    await tools.git.inspect(
      ["push", "--quiet", "--no-verify", "--no-signed", "--recurse-submodules=no", remoteName, ...specs],
      {
        cwd: "/",
        environment: {
          GIT_DIR: outside,
          GIT_ALLOW_PROTOCOL: "git",
          GIT_CONFIG_COUNT: "1",
          GIT_CONFIG_KEY_0: `remote.${remoteName}.url`,
          GIT_CONFIG_VALUE_0: git.url,
        },
        signal,
        timeoutMs: limits.timeoutMs,
      },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw (
      git.failure() ??
      syncFailed("your commits could not be given to the sandbox", printable(complaintOf(error)), error)
    );
  }
}
