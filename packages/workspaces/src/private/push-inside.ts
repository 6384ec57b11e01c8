import type { Sandbox, WorkspaceRecord } from "@clauderon/core/contract";

import { complaintOf } from "../git.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { remoteName, type SyncLimits } from "./fetch-sandbox.ts";
import { gitInside, privatePlaces } from "./private-places.ts";
import { printable, serveSandboxGit, syncFailed } from "./serve-sandbox-git.ts";

export interface PushCall {
  /** As for `git push`. */
  readonly specs: readonly string[];
  /** All of them or none. */
  readonly isAtomic?: boolean | undefined;
  /** `KEY=VALUE` for git inside. */
  readonly settings?: readonly string[] | undefined;
  readonly sandbox: Pick<Sandbox, "exec">;
  readonly limits: SyncLimits;
  readonly signal: AbortSignal;
}

const options = ["--quiet", "--no-verify", "--no-signed", "--recurse-submodules=no"];

/** Gives the sandbox's git directory commits of this machine's, by `receive-pack` inside. */
export async function pushInside(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { specs, isAtomic = false, settings, sandbox, limits, signal }: PushCall,
): Promise<void> {
  const { outside } = privatePlaces(record);
  await using git = await serveSandboxGit({
    sandbox,
    directory: gitInside(record).directory,
    service: "git-receive-pack",
    settings,
    maxBytes: limits.maxBytes,
    signal,
  });
  try {
    await tools.git.inspect(["push", ...options, ...(isAtomic ? ["--atomic"] : []), remoteName, ...specs], {
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
    });
  } catch (error) {
    signal.throwIfAborted();
    throw (
      git.failure() ??
      syncFailed("your commits could not be given to the sandbox", printable(complaintOf(error)), error)
    );
  }
}
