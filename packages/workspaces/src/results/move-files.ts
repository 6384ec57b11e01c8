import { dirname, join } from "node:path";

import { readablePath } from "../porcelain-status.ts";
import { codeOf, type PathBytes } from "../workspace-file-system.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { leftIn } from "./check-way.ts";
import { makeCleared, restorePermissions } from "./cleared-directories.ts";
import { bytesOf, deepestFirst, parentsOf } from "./paths.ts";
import { inTheWay, refused } from "./result-errors.ts";
import type { ClearedDirectory, FileChange, ResultPlaces } from "./result-record.ts";

const GITLINK = "160000";

export interface MoveCall {
  readonly workTree: string;
  readonly places: ResultPlaces;
  readonly changes: readonly FileChange[];
  readonly made: readonly string[];
  readonly cleared: readonly ClearedDirectory[];
}

/** What each path is when the checks begin: whoever writes it after that is noticed. */
export type Faces = ReadonlyMap<string, string>;

export async function facesOf(
  { fileSystem }: WorkspaceTools,
  { workTree, changes }: Pick<MoveCall, "workTree" | "changes">,
): Promise<Faces> {
  const faces = new Map<string, string>();
  for (const { path, before } of changes)
    if (before !== undefined) faces.set(path, await fileSystem.faceOf(bytesOf(workTree, path)));
  return faces;
}

/** Moves what is there into the record, and what is to be there into its place. */
export async function putFiles(tools: WorkspaceTools, call: MoveCall, faces: Faces): Promise<void> {
  const { fileSystem } = tools;
  const { workTree, places, changes } = call;
  await fileSystem.makeDirectory(places.before);
  for (const [index, { path, before, after }] of changes.entries()) {
    if (before === undefined) continue;
    const place = bytesOf(workTree, path);
    if (before.mode === GITLINK) {
      if (after === undefined) await fileSystem.removeIfEmpty(place);
      continue;
    }
    const kept = join(places.before, String(index));
    await moveAway(tools, place, kept);
    if ((await fileSystem.faceOf(kept)) !== faces.get(path)) throw changedMeanwhile(workTree, path);
  }
  await removeEmptied(tools, workTree, changes);
  for (const { path, after } of changes) {
    if (after === undefined) continue;
    const place = bytesOf(workTree, path);
    if (after.mode === GITLINK) {
      await fileSystem.makeDirectory(place);
      continue;
    }
    for (const parent of parentsOf(path)) await refuseLink(tools, workTree, parent);
    await removeEmptyDirectories(tools, workTree, path);
    await fileSystem.makeDirectory(parentOf(workTree, path));
    await putOrRefuse(tools, { from: bytesOf(places.after, path), place, workTree, path });
  }
  await syncDirectories(tools, workTree, changes);
  await fileSystem.sync(places.before);
}

/** What could not be taken back without overwriting; empty when all can. Changes nothing. */
export async function changedSince(tools: WorkspaceTools, call: MoveCall): Promise<readonly string[]> {
  const { fileSystem } = tools;
  const { workTree, places, changes, made } = call;
  const added = new Set(changes.filter(({ before }) => before === undefined).map(({ path }) => path));
  const found: string[] = [];
  for (const [index, change] of changes.entries()) {
    const { path, before, after, face } = change;
    if (before?.mode === GITLINK || after?.mode === GITLINK) continue;
    const { now, isKept, isStaged, isTaken, isOurs } = await lookAt(tools, call, index);
    if (isOurs) continue;
    if (before === undefined) {
      // What was put there is not there any more, or is another.
      if (!isTaken && !isStaged) found.push(readablePath(path));
      continue;
    }
    if (!isKept) continue;
    const isFree = now === "absent" && (face === undefined || isStaged || isTaken);
    if (isFree || now === (await fileSystem.faceOf(join(places.before, String(index))))) continue;
    if (now === "directory" && made.includes(path)) {
      const others = await leftIn(tools, { workTree, path, goes: added });
      found.push(...others.map(readablePath));
    } else found.push(readablePath(path));
  }
  return found;
}

interface Look {
  /** Face of what is at the place. */
  readonly now: string;
  /** What was there is in the record. */
  readonly isKept: boolean;
  /** What is to be there is in the record still. */
  readonly isStaged: boolean;
  /** It was taken away again. */
  readonly isTaken: boolean;
  /** What is at the place was put there, and nobody has changed it. */
  readonly isOurs: boolean;
}

async function lookAt(
  { fileSystem }: WorkspaceTools,
  { workTree, places, changes }: MoveCall,
  index: number,
): Promise<Look> {
  const { path = "", before, face } = changes[index] ?? {};
  const place = bytesOf(workTree, path);
  const staged = bytesOf(places.after, path);
  const exists = async (at: PathBytes): Promise<boolean> => (await fileSystem.kindOf(at)) !== "absent";
  const now = await fileSystem.faceOf(place);
  const isKept = await exists(join(places.before, String(index)));
  const isStaged = face !== undefined && (await exists(staged));
  const isTaken = await exists(join(places.taken, String(index)));
  const isFromUs = before === undefined ? !isStaged : isKept;
  // Cut off between the two halves of a move, it has both names.
  const isLinked = isStaged && now === face && (await fileSystem.stampOf(place)) === (await fileSystem.stampOf(staged));
  return {
    now,
    isKept,
    isStaged,
    isTaken,
    isOurs: face !== undefined && !isTaken && now === face && (isFromUs || isLinked),
  };
}

/** Takes the files away again and puts back what was there. Idempotent: after a crash in the middle the next call goes on. */
export async function takeFilesBack(tools: WorkspaceTools, call: MoveCall): Promise<void> {
  const { fileSystem } = tools;
  const { workTree, places, changes, made, cleared } = call;
  await fileSystem.makeDirectory(places.taken);
  for (const [index, { path, face }] of changes.entries()) {
    if (!(await lookAt(tools, call, index)).isOurs) continue;
    const place = bytesOf(workTree, path);
    const taken = join(places.taken, String(index));
    await moveAway(tools, place, taken);
    if ((await fileSystem.faceOf(taken)) === face) continue;
    await fileSystem.place(taken, place);
    throw changedMeanwhile(workTree, path);
  }
  for (const directory of made.toReversed()) {
    if ((await fileSystem.kindOf(bytesOf(workTree, directory))) === "directory")
      await fileSystem.removeIfEmpty(bytesOf(workTree, directory));
  }
  await makeCleared(tools, { workTree, cleared });
  for (const [index, { path, before }] of changes.entries()) {
    if (before === undefined) continue;
    const place = bytesOf(workTree, path);
    if (before.mode === GITLINK) {
      if ((await fileSystem.kindOf(place)) === "absent") await fileSystem.makeDirectory(place);
      continue;
    }
    const kept = join(places.before, String(index));
    if ((await fileSystem.kindOf(kept)) === "absent") continue;
    for (const parent of parentsOf(path)) await refuseLink(tools, workTree, parent);
    await fileSystem.makeDirectory(parentOf(workTree, path));
    // A crash between the two halves of a move leaves both.
    if ((await fileSystem.faceOf(place)) === (await fileSystem.faceOf(kept))) await fileSystem.remove(kept);
    else await putOrRefuse(tools, { from: kept, place, workTree, path });
  }
  await restorePermissions(tools, { workTree, cleared });
  await syncDirectories(tools, workTree, changes);
}

/** On another file system it is copied; what changes meanwhile is noticed. */
async function moveAway({ fileSystem }: WorkspaceTools, from: Buffer, to: string): Promise<void> {
  try {
    await fileSystem.rename(from, to);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") throw error;
    const face = await fileSystem.faceOf(from);
    await fileSystem.remove(`${to}.copying`);
    await fileSystem.copyTree(from, `${to}.copying`);
    if ((await fileSystem.faceOf(from)) !== face || (await fileSystem.faceOf(`${to}.copying`)) !== face) throw error;
    await fileSystem.rename(`${to}.copying`, to);
    await fileSystem.remove(from);
  }
}

interface Putting {
  readonly from: PathBytes;
  readonly place: Buffer;
  readonly workTree: string;
  readonly path: string;
}

async function putOrRefuse({ fileSystem }: WorkspaceTools, { from, place, workTree, path }: Putting): Promise<void> {
  try {
    await fileSystem.place(from, place);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    throw inTheWay({ workTree, files: [readablePath(path)], doing: "Going on" });
  }
}

/** Nothing is ever written through a link out of the working tree. */
async function refuseLink({ fileSystem }: WorkspaceTools, workTree: string, parent: string): Promise<void> {
  const kind = await fileSystem.kindOf(bytesOf(workTree, parent));
  if (kind !== "directory" && kind !== "absent")
    throw inTheWay({ workTree, files: [readablePath(parent)], doing: "Going on" });
}

/** Those that nothing is put into. */
async function removeEmptied(tools: WorkspaceTools, workTree: string, changes: readonly FileChange[]): Promise<void> {
  const gone = changes.filter(({ after }) => after === undefined);
  const needed = new Set(changes.filter(({ after }) => after !== undefined).flatMap(({ path }) => parentsOf(path)));
  for (const directory of deepestFirst(gone.flatMap(({ path }) => parentsOf(path)))) {
    if (needed.has(directory)) continue;
    if ((await tools.fileSystem.kindOf(bytesOf(workTree, directory))) === "directory")
      await tools.fileSystem.removeIfEmpty(bytesOf(workTree, directory));
  }
}

/** Empty directories where a file is to be. */
async function removeEmptyDirectories(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  workTree: string,
  path: string,
): Promise<void> {
  const place = bytesOf(workTree, path);
  if ((await fileSystem.kindOf(place)) !== "directory") return;
  for (const name of await fileSystem.names(place))
    await removeEmptyDirectories({ fileSystem }, workTree, `${path}/${Buffer.from(name).toString("latin1")}`);
  await fileSystem.removeIfEmpty(place);
}

async function syncDirectories(tools: WorkspaceTools, workTree: string, changes: readonly FileChange[]): Promise<void> {
  const directories = new Set(changes.flatMap(({ path }) => parentsOf(path)));
  for (const directory of directories) {
    const path = bytesOf(workTree, directory);
    if ((await tools.fileSystem.kindOf(path)) === "directory") await tools.fileSystem.sync(path);
  }
  await tools.fileSystem.sync(workTree);
}

function parentOf(workTree: string, path: string): Buffer {
  const parent = dirname(path);
  return parent === "." ? Buffer.from(workTree) : bytesOf(workTree, parent);
}

function changedMeanwhile(workTree: string, path: string): Error {
  return refused({
    message: `${readablePath(path)} was changed meanwhile`,
    why: `something writes to files in ${workTree}; nothing of it is lost`,
    fix: ["end what writes there, and try again"],
    context: { workTree, path: readablePath(path) },
  });
}
