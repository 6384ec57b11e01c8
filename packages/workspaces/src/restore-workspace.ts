import { dirname, join } from "node:path";

import type { WorkspaceRestoreRequest } from "@clauderon/core/contract";

import { moveTree } from "./move-tree.ts";
import { planRestore, type RestorePlan } from "./plan-restore.ts";
import { findCheckout } from "./plan-workspace.ts";
import { retryLocked } from "./retry-locked.ts";
import { parseManifest, parseRestoreNote, type RecordedRef, type RestoreNote, undoPlaces } from "./undo-record.ts";
import { removeUndoRecord } from "./undo-records.ts";
import type { WorkspaceClaims } from "./workspace-claims.ts";
import { readMark, type WorkspaceClaim, writeMark } from "./workspace-mark.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/**
 * Puts a removed workspace back and gives its record up. What it is about to do is written down first: after a crash in the middle the next call takes
 * it back and begins anew.
 */
export async function restoreWorkspace(
  tools: WorkspaceTools,
  id: string,
  call: { readonly request: WorkspaceRestoreRequest; readonly claims: WorkspaceClaims },
): Promise<void> {
  const { request, claims } = call;
  const { sessionId } = request;
  const { fileSystem } = tools;
  if (await isDone(tools, id, await claims.get(sessionId))) {
    await giveUp(tools, id);
    return;
  }
  await takeBack(tools, id, claims);
  const plan = await planRestore(tools, id, request);
  const note: RestoreNote = {
    sessionId,
    path: plan.record.path,
    entry: plan.record.privateDirectory ?? join(plan.record.commonDirectory, "worktrees", await freeEntry(tools, plan)),
    refs: plan.missing.map(({ name, commit }) => ({ name, commit })),
    commonDirectory: plan.record.commonDirectory,
  };
  await fileSystem.replaceDurably(plan.places.restoring, JSON.stringify(note));
  try {
    await putBack(tools, { plan, note, request, claims });
    await fileSystem.remove(plan.places.restoring);
  } catch (error) {
    await takeBack(tools, id, claims);
    throw error;
  }
  await giveUp(tools, id, plan);
}

/** Everything is out of the record, and nothing is left to be taken back. */
async function isDone(tools: WorkspaceTools, id: string, claim: WorkspaceClaim | undefined): Promise<boolean> {
  if (claim?.phase !== "made") return false;
  const { tree, restoring } = undoPlaces(tools, id);
  const kinds = await Promise.all([tree, restoring, claim.record.path].map((path) => tools.fileSystem.kindOf(path)));
  return kinds.join(" ") === "absent absent directory";
}

/** The workspace is whole by now: what fails here is said and leaves nothing but an empty record. */
async function giveUp(tools: WorkspaceTools, id: string, plan?: RestorePlan): Promise<void> {
  try {
    if (plan !== undefined) await forgetMade(tools, plan);
    await removeUndoRecord(tools, id, plan?.record.commonDirectory);
  } catch (error) {
    tools.logger.warn({ id, error: String(error) }, "parts of an undo record stay");
  }
}

interface PutBackCall {
  readonly plan: RestorePlan;
  readonly note: RestoreNote;
  readonly request: WorkspaceRestoreRequest;
  readonly claims: WorkspaceClaims;
}

async function putBack(tools: WorkspaceTools, { plan, note, request, claims }: PutBackCall): Promise<void> {
  const { fileSystem } = tools;
  const { places, manifest, record } = plan;
  const { sessionId, name } = request;
  const entry = join(places.entry, plan.entry);
  const { phase: _phase, ...known } = manifest.claim;
  const mark = { ...known, sessionId, name, record, instanceId: tools.instanceId };
  await makeBranches(tools, plan);
  await writeMark(fileSystem, entry, mark);
  const isWhereItWas =
    record.path === manifest.claim.record.path &&
    note.entry === join(manifest.claim.record.commonDirectory, "worktrees", plan.entry);
  // A private one names no place of its worktree, and its git directories never change theirs.
  if (!isWhereItWas && record.kind === "worktree") {
    await fileSystem.writeText(join(entry, "gitdir"), `${join(record.path, ".git")}\n`);
    await fileSystem.writeText(join(places.tree, ".git"), `gitdir: ${note.entry}\n`);
  }
  await claims.put({ ...mark, phase: "made" });
  await fileSystem.makeDirectory(dirname(note.entry));
  // The worktree first: an entry without one may be pruned by anybody.
  await moveTree(tools, places.tree, record.path);
  await moveTree(tools, entry, note.entry);
  for (const directory of [dirname(record.path), dirname(note.entry)]) await fileSystem.sync(directory);
}

async function freeEntry({ fileSystem }: WorkspaceTools, { record, entry }: RestorePlan): Promise<string> {
  const taken = new Set(await fileSystem.names(join(record.commonDirectory, "worktrees")));
  for (let number = 0; ; number += 1) {
    const name = number === 0 ? entry : `${entry}${String(number)}`;
    if (!taken.has(name)) return name;
  }
}

async function makeBranches(tools: WorkspaceTools, { record, missing, places }: RestorePlan): Promise<void> {
  const { commonDirectory } = record;
  for (const { name, commit, index } of missing) {
    // The empty old value: only if nobody has made it meanwhile.
    const args = [`--git-dir=${commonDirectory}`, "-c", "core.fsync=all", "update-ref", name, commit, ""];
    await retryLocked(() => tools.git.act(args, { cwd: commonDirectory }));
    const log = join(places.logs, String(index));
    if ((await tools.fileSystem.kindOf(log)) !== "file") continue;
    const place = join(commonDirectory, "logs", name);
    await tools.fileSystem.makeDirectory(dirname(place));
    await tools.fileSystem.copyEntry(Buffer.from(log), Buffer.from(place));
  }
}

/** Undoes a restoration that was cut short: everything is in the record again. */
async function takeBack(tools: WorkspaceTools, id: string, claims: WorkspaceClaims): Promise<void> {
  const { fileSystem } = tools;
  const places = undoPlaces(tools, id);
  const note = parseRestoreNote(await fileSystem.readText(places.restoring));
  const manifest = parseManifest(await fileSystem.readText(places.manifest));
  if (note === undefined || manifest?.entry === undefined) return;
  const entry = join(places.entry, manifest.entry);
  if ((await readMark(fileSystem, note.entry))?.sessionId === note.sessionId) {
    if ((await fileSystem.kindOf(entry)) === "absent") await moveTree(tools, note.entry, entry);
    await fileSystem.remove(note.entry);
  }
  // Nothing but this restoration has put anything there: the place was free before the note was written.
  if ((await fileSystem.kindOf(places.tree)) === "absent" && (await fileSystem.kindOf(note.path)) === "directory")
    await moveTree(tools, note.path, places.tree);
  for (const { name, commit } of note.refs) await deleteAt(tools, note.commonDirectory, { name, commit });
  await claims.remove(note.sessionId);
  await fileSystem.remove(places.restoring);
}

/** The branches that the removal made for commits of a detached HEAD, or of the session's own: they are there again. One that is in use by now stays. */
async function forgetMade(tools: WorkspaceTools, { manifest, record }: RestorePlan): Promise<void> {
  const { commonDirectory } = record;
  for (const ref of manifest.made) {
    const branch = ref.name.slice("refs/heads/".length);
    if ((await findCheckout(tools, { commonDirectory, branch })) === undefined)
      await deleteAt(tools, commonDirectory, ref);
  }
}

/** Only while it is at that commit. */
async function deleteAt(tools: WorkspaceTools, commonDirectory: string, ref: RecordedRef): Promise<void> {
  const git = [`--git-dir=${commonDirectory}`];
  const args = [...git, "rev-parse", "--verify", "--quiet", "--end-of-options", ref.name];
  const { exitCode, stdout } = await tools.git.inspect(args, { accepts: [0, 1, 128] });
  if (exitCode !== 0 || stdout.trim() !== ref.commit) return;
  await retryLocked(() => tools.git.act([...git, "update-ref", "-d", ref.name, ref.commit], { cwd: commonDirectory }));
}
