import { join } from "node:path";

import type { WorkspaceCheckpointRequest, WorkspaceRecord } from "@clauderon/core/contract";

import { markGoesBack } from "../private/goes-back-mark.ts";
import { lockIndex, unlockIndex } from "../results/index-lock.ts";
import { changedSince, facesOf, type MoveCall, putFiles, takeFilesBack } from "../results/move-files.ts";
import { missingDirectories } from "../results/stage-files.ts";
import type { UserSettings } from "../user-settings.ts";
import { workspaceMissing } from "../workspace-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { applyState } from "./apply-state.ts";
import { captureFiles } from "./capture.ts";
import { changesBetween, readState, type ReadState, stageState } from "./checkpoint-changes.ts";
import { checkpointDamaged, restoreRefused, writtenMeanwhile } from "./checkpoint-errors.ts";
import { checkpointPlaces, type CheckpointRecord, parseRestoreNote, type RestoreNote } from "./checkpoint-record.ts";
import { type CheckpointStore, openStore } from "./checkpoint-store.ts";
import { createCheckpoint, requireTree } from "./create-checkpoint.ts";
import { readCheckpoint, requireCheckpoint } from "./read-checkpoints.ts";
import { removeCheckpoints } from "./remove-checkpoints.ts";

export interface RestoreCall {
  readonly id: string;
  readonly before: WorkspaceCheckpointRequest;
  readonly settings: UserSettings;
  readonly signal?: AbortSignal | undefined;
}

export interface Restored {
  readonly before: CheckpointRecord;
  readonly notices: readonly string[];
}

/** Makes a worktree what it was: everything, or nothing. What it is now is a checkpoint first. */
export async function restoreCheckpoint(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: RestoreCall,
): Promise<Restored> {
  const { fileSystem } = tools;
  const { settings, signal } = call;
  const { sessionId } = call.before;
  const earlier = await settleRestore(tools, record, sessionId);
  if (earlier?.before.id === call.before.id) return earlier;
  const target = await requireCheckpoint(tools, call.id);
  const places = checkpointPlaces(tools, sessionId);
  if (checkpointPlaces(tools, target.sessionId).directory !== places.directory)
    throw restoreRefused(
      `The checkpoint ${call.id} is not of this session`,
      "a session goes back to its own checkpoints",
      [`make a session of it: clauderon create --from ${call.id}`],
    );
  const tree = await requireTree(tools, record, signal);
  const store = await openStore(tools, { sessionId, commonDirectory: record.commonDirectory, signal });
  const reading = { store, cwd: record.path, signal };
  const to = await readState(tools, target.record, reading);
  await requireCommit(tools, { record, state: to });
  const also = [...to.files.keys()];
  const before = await createCheckpoint(tools, record, { request: call.before, settings, also, signal });
  const from = await readState(tools, before, reading);
  const note: RestoreNote = {
    before: before.id,
    target: target.record.id,
    phase: "begun",
    workTree: tree.workTree,
    gitDirectory: tree.gitDirectory,
    commonDirectory: tree.commonDirectory,
    branch: record.branch,
    changes: [],
    made: [],
  };
  try {
    await fileSystem.remove(places.journal.directory);
    await stageState(tools, from, { ...reading, directory: places.journal.stateBefore, changes: [] });
    const staging = { ...reading, directory: places.journal.stateAfter, changes: changesBetween(from, to) };
    const changes = await stageState(tools, to, staging);
    const begun = { ...note, changes, made: await missingDirectories(tools, record.path, changes) };
    signal?.throwIfAborted();
    await writeNote(tools, sessionId, begun);
    await lockIndex(tools, begun, begun.before);
    const faces = await facesOf(tools, { workTree: record.path, changes });
    await refuseWritten(tools, { sessionId, record, store, also, settings, from, signal });
    await putFiles(tools, moveOf(tools, sessionId, begun), faces);
    await writeNote(tools, sessionId, { ...begun, phase: "placed" });
    return await finish(tools, { sessionId, note: begun, from, to });
  } catch (error) {
    await takeBack(tools, record, { sessionId, before: before.id, reason: error });
    throw error;
  }
}

/** After a crash: with all files in their places it is ended, else taken back. */
export async function settleRestore(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  sessionId: string,
): Promise<Restored | undefined> {
  const done = await doneRestore(tools, sessionId);
  if (done !== undefined) return done;
  const pending = await pendingRestore(tools, record, sessionId);
  if (pending === undefined) return undefined;
  const { note, from, to } = pending;
  if (note.phase === "placed") return finish(tools, { sessionId, note, from, to });
  await putBack(tools, pending);
  return undefined;
}

export async function isRestoring(tools: WorkspaceTools, sessionId: string): Promise<readonly string[]> {
  const note = parseRestoreNote(await tools.fileSystem.readText(checkpointPlaces(tools, sessionId).restoring));
  return note === undefined || note.phase === "done" ? [] : [note.before, note.target];
}

/** The last one, when it was ended. */
async function doneRestore(tools: WorkspaceTools, sessionId: string): Promise<Restored | undefined> {
  const places = checkpointPlaces(tools, sessionId);
  const note = parseRestoreNote(await tools.fileSystem.readText(places.restoring));
  if (note?.phase !== "done") return undefined;
  await unlockIndex(tools, note, note.before);
  await tools.fileSystem.remove(places.journal.directory);
  const found = await readCheckpoint(tools, note.before);
  return found === undefined ? undefined : { before: found.record, notices: note.notices ?? [] };
}

interface Pending {
  readonly sessionId: string;
  readonly note: RestoreNote;
  readonly from: ReadState;
  readonly to: ReadState;
}

async function pendingRestore(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  sessionId: string,
): Promise<Pending | undefined> {
  const { fileSystem } = tools;
  const places = checkpointPlaces(tools, sessionId);
  const text = await fileSystem.readText(places.restoring);
  if (text === undefined) {
    await fileSystem.remove(places.journal.directory);
    return undefined;
  }
  const note = parseRestoreNote(text);
  if (note?.phase === "done") return undefined;
  if (note === undefined) throw checkpointDamaged(sessionId, `${places.restoring} cannot be read`);
  if ((await fileSystem.kindOf(note.workTree)) !== "directory" || note.workTree !== record.path)
    throw workspaceMissing(record);
  const store = await openStore(tools, { sessionId, commonDirectory: note.commonDirectory });
  const stateOf = async (id: string): Promise<ReadState> =>
    readState(tools, (await requireCheckpoint(tools, id)).record, { store, cwd: note.workTree });
  return { sessionId, note, from: await stateOf(note.before), to: await stateOf(note.target) };
}

async function finish(tools: WorkspaceTools, { sessionId, note, from, to }: Pending): Promise<Restored> {
  const places = checkpointPlaces(tools, sessionId);
  const notices = await applyState(tools, { note, state: to, staged: places.journal.stateAfter, other: from });
  // A git directory that is all of it is a private workspace's: its sandbox has another.
  if (note.gitDirectory === note.commonDirectory)
    await markGoesBack(tools, note.gitDirectory, { checkpoint: note.target, head: from.record.head });
  // Whoever asked for it may have died and ask again.
  await writeNote(tools, sessionId, { ...note, phase: "done", notices, changes: [], made: [] });
  await unlockIndex(tools, note, note.before);
  await tools.fileSystem.remove(places.journal.directory);
  return { before: from.record, notices };
}

async function putBack(tools: WorkspaceTools, { sessionId, note, from, to }: Pending): Promise<void> {
  const places = checkpointPlaces(tools, sessionId);
  if ((await tools.fileSystem.kindOf(places.journal.before)) !== "absent") {
    await lockIndex(tools, note, note.before);
    const call = moveOf(tools, sessionId, note);
    const files = await changedSince(tools, call);
    if (files.length > 0) throw writtenMeanwhile(note.workTree, files);
    await takeFilesBack(tools, call);
    await applyState(tools, { note, state: from, staged: places.journal.stateBefore, other: to });
  }
  await end(tools, sessionId, note);
  // What it holds is there.
  await removeCheckpoints(tools, sessionId, [note.before]);
}

async function end(tools: WorkspaceTools, sessionId: string, note: RestoreNote): Promise<void> {
  const places = checkpointPlaces(tools, sessionId);
  await unlockIndex(tools, note, note.before);
  await tools.fileSystem.remove(places.restoring);
  await tools.fileSystem.sync(places.directory);
  await tools.fileSystem.remove(places.journal.directory);
}

/** After a failure. What cannot be taken back now is by the next call; the caller hears the first reason. */
async function takeBack(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { sessionId, before, reason }: { readonly sessionId: string; readonly before: string; readonly reason: unknown },
): Promise<void> {
  try {
    const pending = await pendingRestore(tools, record, sessionId);
    if (pending === undefined) return await removeCheckpoints(tools, sessionId, [before]);
    await writeNote(tools, sessionId, { ...pending.note, phase: "begun" });
    await putBack(tools, pending);
  } catch (error) {
    tools.logger.warn(
      { sessionId, reason: String(reason), error: String(error) },
      "a restoration is not taken back yet",
    );
  }
}

async function writeNote(tools: WorkspaceTools, sessionId: string, note: RestoreNote): Promise<void> {
  await tools.fileSystem.replaceDurably(checkpointPlaces(tools, sessionId).restoring, JSON.stringify(note));
}

function moveOf(tools: WorkspaceTools, sessionId: string, { workTree, changes, made }: RestoreNote): MoveCall {
  const { journal } = checkpointPlaces(tools, sessionId);
  const places = { ...journal, record: join(journal.directory, "record.json") };
  // The checkpoints say which directories there are.
  return { workTree, places, changes, made, cleared: [] };
}

interface Written {
  readonly sessionId: string;
  readonly record: WorkspaceRecord;
  readonly store: CheckpointStore;
  readonly also: readonly string[];
  readonly settings: UserSettings;
  readonly from: ReadState;
  readonly signal?: AbortSignal | undefined;
}

/** What is there is what the checkpoint before it holds: whoever writes after that is noticed file by file. */
async function refuseWritten(tools: WorkspaceTools, call: Written): Promise<void> {
  const { sessionId, record, store, from, signal } = call;
  const tree = await requireTree(tools, record, signal);
  const { path: scratch, discard } = tools.scratch.reserve();
  try {
    const objects = join(scratch, "objects");
    await tools.fileSystem.makeDirectory(objects);
    const { known } = checkpointPlaces(tools, sessionId);
    const now = await captureFiles(tools, { ...call, known, tree, objects });
    const at = { cwd: record.path, environment: store.environment({ objects }), signal };
    const then = await tools.git.inspect(["rev-parse", `${from.record.commit}:tree`], at);
    if (then.stdout.trim() !== now.tree) throw writtenMeanwhile(record.path, []);
  } finally {
    await discard();
  }
}

async function requireCommit(
  { git }: WorkspaceTools,
  { record, state }: { readonly record: WorkspaceRecord; readonly state: ReadState },
): Promise<void> {
  const { head, id } = state.record;
  if (head === undefined) return;
  const args = [`--git-dir=${record.commonDirectory}`, "cat-file", "-e", `${head}^{commit}`];
  const { exitCode } = await git.inspect(args, { accepts: [0, 1, 128] });
  if (exitCode !== 0) throw checkpointDamaged(id, `the commit ${head} is not in ${record.repositoryPath} any more`);
}
