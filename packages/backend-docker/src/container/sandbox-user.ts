import type { EngineFacts } from "../engine/engine-types.ts";

export interface SandboxUser {
  readonly uid: number;
  readonly gid: number;
  /** Whose the files have to be on this machine before the sandbox can use them; absent = they are already. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/** Of a daemon that is root: nobody's on any usual system, so that the files of a running session are nobody else's. */
const userOfRoot = 60_646;

/** Who the sandbox's processes are, so that what they write belongs to the daemon's user. */
export function sandboxUser(
  facts: Pick<EngineFacts, "isRootless">,
  daemon: { readonly uid: number; readonly gid: number },
): SandboxUser {
  // In the user namespace of a rootless engine, 0 is the user, and without capabilities nothing more.
  if (facts.isRootless) return { uid: 0, gid: 0 };
  if (daemon.uid !== 0) return daemon;
  const owner = { uid: userOfRoot, gid: userOfRoot };
  return { ...owner, owner };
}
