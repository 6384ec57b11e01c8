import { posix } from "node:path";

import type { WorkspaceTools } from "../workspace-tools.ts";
import { bytesOf, parentsOf } from "./paths.ts";
import type { ClearedDirectory, FileChange } from "./result-record.ts";

const GITLINK = "160000";
const PERMISSIONS = 0o7777;
/** So that what was in it can be put into it. */
const OWN = 0o700;

/** Directories that git knows nothing of and that go: empty ones where a file is to be, and those that hold nothing else than what goes. Parents first. */
export async function clearedDirectories(
  tools: WorkspaceTools,
  workTree: string,
  changes: readonly FileChange[],
): Promise<readonly ClearedDirectory[]> {
  const paths = new Set<string>();
  for (const { path, before, after } of changes) {
    if (after === undefined) for (const parent of parentsOf(path)) paths.add(parent);
    // A nested repository goes only when it is empty.
    if (before?.mode === GITLINK) paths.add(path);
    else if (before === undefined && after?.mode !== GITLINK)
      for (const directory of await directoriesIn(tools, workTree, path)) paths.add(directory);
  }
  const found: ClearedDirectory[] = [];
  for (const path of [...paths].toSorted((left, right) => left.split("/").length - right.split("/").length)) {
    const place = bytesOf(workTree, path);
    if ((await tools.fileSystem.kindOf(place)) !== "directory") continue;
    const mode = await tools.fileSystem.modeOf(place);
    if (mode !== undefined) found.push({ path, mode: mode & PERMISSIONS });
  }
  return found;
}

async function directoriesIn(tools: WorkspaceTools, workTree: string, path: string): Promise<readonly string[]> {
  const place = bytesOf(workTree, path);
  if ((await tools.fileSystem.kindOf(place)) !== "directory") return [];
  const found = [path];
  for (const name of await tools.fileSystem.byteNames(place))
    found.push(...(await directoriesIn(tools, workTree, posix.join(path, name))));
  return found;
}

interface ClearedCall {
  readonly workTree: string;
  readonly cleared: readonly ClearedDirectory[];
}

/** Makes those that are not there. */
export async function makeCleared({ fileSystem }: WorkspaceTools, { workTree, cleared }: ClearedCall): Promise<void> {
  for (const { path, mode } of cleared) {
    const place = bytesOf(workTree, path);
    if ((await fileSystem.kindOf(place)) !== "absent") continue;
    await fileSystem.makeDirectory(place);
    await fileSystem.setMode(place, mode | OWN);
  }
}

/** Once everything is in them: also of one that a call which died has made. */
export async function restorePermissions(
  { fileSystem }: WorkspaceTools,
  { workTree, cleared }: ClearedCall,
): Promise<void> {
  for (const { path, mode } of cleared.toReversed()) {
    const place = bytesOf(workTree, path);
    if ((await fileSystem.kindOf(place)) !== "directory") continue;
    if ((((await fileSystem.modeOf(place)) ?? 0) & PERMISSIONS) !== mode) await fileSystem.setMode(place, mode);
  }
}
