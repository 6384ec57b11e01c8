import { join } from "node:path";

import type { WorkspaceUndoRecord, WorkspaceUndoRecords } from "@clauderon/core/contract";

import { releaseObjects } from "./keep-objects.ts";
import { parseManifest, parseRestoreNote, undoDirectory, undoPlaces } from "./undo-record.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

type ListCall = Parameters<WorkspaceUndoRecords["list"]>[0];

/** Records that can be put back or given up; newest first. */
export async function listUndoRecords(
  tools: WorkspaceTools,
  call: ListCall = {},
): Promise<readonly WorkspaceUndoRecord[]> {
  const { fileSystem, logger } = tools;
  const parent = undoDirectory(tools);
  const records: WorkspaceUndoRecord[] = [];
  for (const name of await fileSystem.names(parent)) {
    if (name.startsWith(".")) continue;
    call.signal?.throwIfAborted();
    const directory = join(parent, name);
    const manifest = parseManifest(await fileSystem.readText(join(directory, "record.json")));
    // Without a tree it is one that a removal is only about to fill.
    if ((await fileSystem.kindOf(join(directory, "tree"))) !== "directory") continue;
    if (manifest === undefined) {
      logger.warn({ directory }, "an undo record cannot be read");
      continue;
    }
    const { at, session, claim } = manifest;
    records.push({
      id: claim.sessionId,
      name: claim.name,
      at,
      workspace: claim.record,
      session,
      bytes: call.isMeasured === true ? await fileSystem.bytesOf(directory) : undefined,
    });
  }
  return records.toSorted((left, right) => right.at.localeCompare(left.at) || left.id.localeCompare(right.id));
}

/** Gives a record up: lets its objects go and removes its files. `commonDirectory`: where its repository is now, when that is known. */
export async function removeUndoRecord(tools: WorkspaceTools, id: string, commonDirectory?: string): Promise<void> {
  const { fileSystem } = tools;
  const places = undoPlaces(tools, id);
  const manifest = parseManifest(await fileSystem.readText(places.manifest));
  const repository = commonDirectory ?? manifest?.claim.record.commonDirectory;
  if ((await fileSystem.kindOf(places.directory)) !== "absent") {
    const trash = join(undoDirectory(tools), `.removing-${crypto.randomUUID()}`);
    await fileSystem.rename(places.directory, trash);
    await fileSystem.sync(undoDirectory(tools));
    if (repository !== undefined) await releaseObjects(tools, repository, places.ref);
    await fileSystem.remove(trash);
  }
}

/** True while parts of a session's workspace belong to an undo record that was only half put back. */
export async function isBeingRestored(tools: WorkspaceTools, sessionId: string): Promise<boolean> {
  const parent = undoDirectory(tools);
  for (const name of await tools.fileSystem.names(parent)) {
    const note = parseRestoreNote(await tools.fileSystem.readText(join(parent, name, "restoring.json")));
    if (note?.sessionId === sessionId) return true;
  }
  return false;
}

/** Removes what removals cut short have left. */
export async function sweepUndoRecords(tools: WorkspaceTools): Promise<void> {
  const parent = undoDirectory(tools);
  for (const name of await tools.fileSystem.names(parent))
    if (name.startsWith(".removing-")) await tools.fileSystem.remove(join(parent, name));
}
