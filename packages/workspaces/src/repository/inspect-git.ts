import type { DoctorCheck } from "@clauderon/core/contract";

import type { Git } from "../git.ts";
import { isGitMissing, isGitTooOld } from "./git-needed.ts";

const INSTALL = "install git, for example: sudo apt install git";

/** Which program works with repositories here, and what the other cannot. */
export async function inspectGit(git: Git, signal?: AbortSignal): Promise<readonly DoctorCheck[]> {
  try {
    const { stdout } = await git.act(["--version"], { cwd: "/", signal });
    return [{ id: "git", status: "ok", message: stdout.trim().replace(/^git version /u, "") }];
  } catch (error) {
    signal?.throwIfAborted();
    if (isGitMissing(error)) return [await missing()];
    if (isGitTooOld(error)) return [{ id: "git", status: "failed", message: error.message, fix: error.fix[0] }];
    const message = `git was found and does not run: ${error instanceof Error ? error.message : String(error)}`;
    return [{ id: "git", status: "failed", message, fix: INSTALL }];
  }
}

async function missing(): Promise<DoctorCheck> {
  const { default: isomorphic } = await import("isomorphic-git");
  return {
    id: "git",
    status: "failed",
    message: `not on the daemon's PATH; isomorphic-git ${isomorphic.version()} is in use: it finds, clones, fetches and reads repositories over http and https. Worktrees need git: no session can be created, changed or deleted; what runs can be listed, attached to and given commands`,
    fix: INSTALL,
  };
}
