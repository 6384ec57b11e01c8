import { constants } from "node:fs";
import { join } from "node:path";

import type { WorkspaceTools } from "../workspace-tools.ts";
import { bytesOf, parentsOf } from "./paths.ts";
import type { Prepared } from "./prepared.ts";
import type { EmptiedDirectory, FileChange, ResultPlaces } from "./result-record.ts";

/**
 * Writes the files that are to be put in place beside the record, as git would write them there: attributes of the new tree, filters of the user's.
 * Gives the changes with what each file is.
 */
export async function stageFiles(
  tools: WorkspaceTools,
  prepared: Prepared,
  call: { readonly places: ResultPlaces; readonly signal?: AbortSignal | undefined },
): Promise<readonly FileChange[]> {
  const { fileSystem, git } = tools;
  const { places, signal } = call;
  await fileSystem.makeDirectory(places.after);
  const files = prepared.changes.filter(({ after }) => after !== undefined && after.mode !== "160000");
  if (files.length > 0) {
    const environment = {
      ...prepared.environment,
      GIT_WORK_TREE: places.after,
      GIT_INDEX_FILE: join(prepared.environment["GIT_DIR"] ?? "", "staged-index"),
    };
    const place = { cwd: places.after, environment, signal };
    await git.act(["read-tree", prepared.after], place);
    const input = Buffer.from(files.map(({ path }) => `${path}\0`).join(""), "latin1");
    await git.act(["-c", "core.sparseCheckout=false", "checkout-index", "--quiet", "-z", "--stdin"], {
      ...place,
      input,
    });
  }
  const staged: FileChange[] = [];
  const directories = new Set<string>();
  for (const change of prepared.changes) {
    if (change.after === undefined || change.after.mode === "160000") {
      staged.push(change);
      continue;
    }
    const file = bytesOf(places.after, change.path);
    const face = await fileSystem.faceOf(file);
    if (!/^(?:file|program|link) /u.test(face)) throw new Error(`git did not write ${change.path}: ${face}`);
    if (!face.startsWith("link ")) await fileSystem.sync(file);
    for (const parent of parentsOf(change.path)) directories.add(parent);
    staged.push({ ...change, face });
  }
  for (const directory of directories) await fileSystem.sync(bytesOf(places.after, directory));
  await fileSystem.sync(places.after);
  return staged;
}

/** Directories that lie where files are to be, with their permissions; parents first. */
export async function directoriesInTheWay(
  { fileSystem }: WorkspaceTools,
  workTree: string,
  changes: readonly FileChange[],
): Promise<readonly EmptiedDirectory[]> {
  const found: EmptiedDirectory[] = [];
  const visit = async (path: string): Promise<void> => {
    const place = bytesOf(workTree, path);
    const mode = await fileSystem.modeOf(place);
    if (mode === undefined || (mode & constants.S_IFMT) !== constants.S_IFDIR) return;
    found.push({ path, mode: mode & 0o7777 });
    for (const name of await fileSystem.byteNames(place)) await visit(`${path}/${name}`);
  };
  for (const { path, before, after } of changes)
    if (before === undefined && after !== undefined && after.mode !== "160000") await visit(path);
  return found;
}

/** Directories that there are not yet; parents first. */
export async function missingDirectories(
  { fileSystem }: WorkspaceTools,
  workTree: string,
  changes: readonly FileChange[],
): Promise<readonly string[]> {
  const wanted = new Set<string>();
  for (const { path, after } of changes) {
    if (after === undefined) continue;
    for (const parent of parentsOf(path)) wanted.add(parent);
    if (after.mode === "160000") wanted.add(path);
  }
  const missing: string[] = [];
  for (const directory of wanted)
    if ((await fileSystem.kindOf(bytesOf(workTree, directory))) !== "directory") missing.push(directory);
  return missing;
}
