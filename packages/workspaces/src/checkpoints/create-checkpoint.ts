import { join } from "node:path";

import type { WorkspaceCheckpointRequest, WorkspaceRecord } from "@clauderon/core/contract";

import { allSettled } from "../all-settled.ts";
import { keepObjects, releaseObjects } from "../keep-objects.ts";
import type { GitTree } from "../own-git-directory.ts";
import { publishWork } from "../private/publish-branch.ts";
import { readHead, shortName } from "../read-head.ts";
import { treeOf } from "../read-workspace.ts";
import type { UserSettings } from "../user-settings.ts";
import { fileNameOf } from "../workspace-claims.ts";
import { workspaceMissing } from "../workspace-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { findWorktreeEntry } from "../worktree-entry.ts";
import { capture, KNOWN_FILES } from "./capture.ts";
import {
  checkpointPlaces,
  type CheckpointRecord,
  checkpointRef,
  checkpointsDirectory,
  formatRecord,
  recordFile,
} from "./checkpoint-record.ts";
import { type CheckpointStore, openStore } from "./checkpoint-store.ts";
import { readCheckpoint, recordsOf } from "./read-checkpoints.ts";
import { finishRemovals } from "./remove-checkpoints.ts";

const MANY_PACKS = 20;

export interface CreateCall {
  readonly request: WorkspaceCheckpointRequest;
  readonly settings: UserSettings;
  /** Paths that are taken, too, ignored or not. */
  readonly also?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The session's worktree, as git knows it. */
export async function requireTree(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  signal: AbortSignal | undefined,
): Promise<GitTree> {
  const entry = await findWorktreeEntry(tools.fileSystem, record);
  const exists = (await tools.fileSystem.kindOf(record.path)) === "directory";
  const tree = entry === undefined || !exists ? undefined : await treeOf(tools, record, { ...entry, signal });
  if (tree === undefined) throw workspaceMissing(record);
  return tree;
}

/** Everything is on the disk when it resolves; on failure nothing counts. */
export async function createCheckpoint(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { request, settings, also, signal }: CreateCall,
): Promise<CheckpointRecord> {
  const { fileSystem } = tools;
  const { sessionId, id } = request;
  const earlier = await readCheckpoint(tools, id);
  if (earlier !== undefined) return earlier.record;
  await finishRemovals(tools, sessionId);
  const tree = await requireTree(tools, record, signal);
  // The repository keeps for a checkpoint what was checked out and staged.
  await publishWork(tools, record, signal);
  const head = await readHead(tools, tree.gitDirectory, signal);
  const places = checkpointPlaces(tools, sessionId);
  const store = await openStore(tools, { sessionId, commonDirectory: record.commonDirectory, signal }, true);
  const { path: scratch, discard } = tools.scratch.reserve();
  const objects = join(scratch, "objects");
  const marker = join(places.released, `${fileNameOf(id)}.json`);
  try {
    await fileSystem.makeDirectory(objects);
    const call = { tree, store, objects, known: places.known, settings, also, signal };
    await fileSystem.makeDirectory(places.released);
    await fileSystem.makeDirectory(places.records);
    await fileSystem.replaceDurably(marker, JSON.stringify({ id, commonDirectory: record.commonDirectory }));
    const [captured] = await allSettled([
      capture(tools, { ...call, scrollback: request.scrollback, headRef: head.ref }),
      keepObjects(tools, {
        commonDirectory: record.commonDirectory,
        entry: tree.gitDirectory,
        commits: head.commit === undefined ? [] : [head.commit],
        ref: checkpointRef(id),
        signal,
      }),
    ]);
    const known = await recordsOf(tools, sessionId);
    await store.pack({
      objects,
      commit: captured.commit,
      known: [...known, { id, commit: captured.commit, head: head.commit }],
    });
    signal?.throwIfAborted();
    const made: Omit<CheckpointRecord, "version"> = {
      id,
      name: request.name,
      at: request.at,
      trigger: request.trigger,
      note: request.note,
      head: head.commit,
      branch: shortName(head.ref),
      repositoryPath: record.repositoryPath,
      commonDirectory: record.commonDirectory,
      files: captured.files,
      skipped: captured.skipped,
      session: request.session,
      commit: captured.commit,
    };
    await fileSystem.replaceDurably(recordFile(tools, sessionId, id), formatRecord(made));
    for (const directory of [places.directory, checkpointsDirectory(tools), tools.homeDirectory])
      await fileSystem.sync(directory);
    await fileSystem.rename(join(scratch, KNOWN_FILES), places.known);
    await fileSystem.remove(marker);
    await tidyUp(tools, store, sessionId);
    return { version: 1, ...made };
  } catch (error) {
    await giveUp(tools, { sessionId, id, commonDirectory: record.commonDirectory, error });
    throw error;
  } finally {
    await discard();
  }
}

/** The checkpoint is there by now: what fails here is done by the next one. */
async function tidyUp(tools: WorkspaceTools, store: CheckpointStore, sessionId: string): Promise<void> {
  try {
    if ((await store.countPacks()) > MANY_PACKS) await store.repack(await recordsOf(tools, sessionId));
  } catch (error) {
    tools.logger.warn({ sessionId, error: String(error) }, "a session's checkpoints are not packed into one yet");
  }
}

interface Failure {
  readonly sessionId: string;
  readonly id: string;
  readonly commonDirectory: string;
  readonly error: unknown;
}

/** What cannot be taken back now is by the next that looks. */
async function giveUp(tools: WorkspaceTools, { sessionId, id, commonDirectory, error }: Failure): Promise<void> {
  const places = checkpointPlaces(tools, sessionId);
  try {
    await tools.fileSystem.remove(recordFile(tools, sessionId, id));
    const marker = join(places.released, `${fileNameOf(id)}.json`);
    if ((await tools.fileSystem.kindOf(marker)) !== "file") return;
    await releaseObjects(tools, commonDirectory, checkpointRef(id));
    await tools.fileSystem.remove(marker);
  } catch (failure) {
    tools.logger.warn({ id, reason: String(error), error: String(failure) }, "parts of a failed checkpoint stay");
  }
}
