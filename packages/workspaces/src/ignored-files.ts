import { lstat, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import { uploadsDirectory, type WorkspaceStatus } from "@clauderon/core/contract";

import type { InspectOptions } from "./inspect-status.ts";
import { type GitTree, makeOwnGitDirectory } from "./own-git-directory.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

const SLASH = Buffer.from("/");

/** Ignored files and directories, each directory once; bytes, held one per character, directories with a slash at the end. */
async function listIgnored(
  tools: WorkspaceTools,
  tree: GitTree,
  { settings, signal }: InspectOptions,
): Promise<readonly string[]> {
  await using own = await makeOwnGitDirectory(tools, tree, { use: "read", settings: await settings.read(signal) });
  const args = ["ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"];
  const output = await tools.git.inspectBytes(args, { cwd: tree.workTree, environment: own.environment, signal });
  return output
    .toString("latin1")
    .split("\0")
    .filter((path) => path !== "");
}

/** What was put into the session from outside is not its work. */
function isUpload(tree: GitTree, place: Buffer): boolean {
  const uploads = placeOf(tree, uploadsDirectory);
  return place.equals(uploads) || place.subarray(0, uploads.length + 1).equals(Buffer.concat([uploads, SLASH]));
}

/** Disk space of the ignored files, from their directories alone; counted up to the limit. */
export async function measureIgnored(
  tools: WorkspaceTools,
  tree: GitTree,
  { limitBytes, ...options }: InspectOptions & { readonly limitBytes: number },
): Promise<WorkspaceStatus["ignored"]> {
  let bytes = 0;
  const pending = (await listIgnored(tools, tree, options)).map((path) => placeOf(tree, path));
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    options.signal?.throwIfAborted();
    if (isUpload(tree, place)) continue;
    const status = await lstat(place).catch(() => undefined);
    // Blocks are of 512 bytes (POSIX). The directory that only they are in is theirs, too.
    if (!place.equals(placeOf(tree, dirname(uploadsDirectory)))) bytes += (status?.blocks ?? 0) * 512;
    if (bytes > limitBytes) return { bytes: limitBytes, isMore: true };
    if (status?.isDirectory() !== true) continue;
    for (const name of await readdir(place, { encoding: "buffer" }).catch(() => []))
      pending.push(Buffer.concat([place, SLASH, name]));
  }
  return { bytes, isMore: false };
}

/** Removes them for good. Nobody works in the tree any more; no link is followed. */
export async function removeIgnored(tools: WorkspaceTools, tree: GitTree, options: InspectOptions): Promise<void> {
  for (const path of await listIgnored(tools, tree, options)) await tools.fileSystem.remove(placeOf(tree, path));
}

function placeOf(tree: GitTree, path: string): Buffer {
  return Buffer.from(join(Buffer.from(tree.workTree).toString("latin1"), path.replace(/\/$/u, "")), "latin1");
}
