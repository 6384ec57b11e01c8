import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const prefix = "clauderon-";
const roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/** The cgroup v2 directory of this process, if this machine has one. */
function ownDirectory(): string | undefined {
  const path = /^0::(\/.*)$/m.exec(readOrEmpty("/proc/self/cgroup"))?.[1];
  if (path === undefined) return undefined;
  return roots
    .map((root) => join(root, path))
    .find(
      (directory) =>
        readOrEmpty(join(directory, "cgroup.controllers")) !== "" || canAccess(join(directory, "cgroup.procs")),
    );
}

/** Where groups of sandboxes can be made by this process, if anywhere. Moves this process out of a sandbox's group first. */
export function sandboxCgroupParent(): string | undefined {
  leaveSandboxCgroup();
  const directory = ownDirectory();
  if (directory === undefined) return undefined;
  const probe = join(directory, `${prefix}probe-${process.pid}`);
  try {
    mkdirSync(probe);
    const isWhole = canAccess(join(probe, "cgroup.procs"));
    rmdirSync(probe);
    return isWhole ? directory : undefined;
  } catch {
    // Not ours to write: the process tree and the mark do it then.
    return undefined;
  }
}

/** For a daemon or host that was started inside a session: it must not end with that session. */
export function leaveSandboxCgroup(): void {
  const directory = ownDirectory();
  if (directory === undefined || !basename(directory).startsWith(prefix)) return;
  try {
    writeFileSync(join(dirname(directory), "cgroup.procs"), String(process.pid));
  } catch {
    // The mark in the environment protects it as well.
  }
}

export function sandboxCgroup(parent: string, sandboxId: string): string {
  return join(parent, `${prefix}${sandboxId}`);
}

/** Puts a process into the group, which is made when missing. The kernel takes 5 to 20 ms for it (measured, Linux 6). */
export async function joinCgroup(directory: string, processId: number): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "cgroup.procs"), String(processId));
  } catch {
    // Full, forbidden, or the process has ended already: the other ways of finding it remain.
  }
}

export function cgroupMembers(directory: string): readonly number[] {
  return readOrEmpty(join(directory, "cgroup.procs")).split("\n").filter(Boolean).map(Number);
}

/** Removes an empty group. */
export function removeCgroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Never made, or not empty: a process that may outlive the session is in it.
  }
}

function canAccess(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    // Only the answer matters.
    return false;
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // No such group, or no cgroups at all.
    return "";
  }
}
