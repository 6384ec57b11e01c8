import type { WorkspaceResult } from "@clauderon/core/contract";

import { undoDamaged } from "../undo-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { changeIndex } from "./index-change.ts";
import { lockIndex, unlockIndex } from "./index-lock.ts";
import { isAncestor } from "./merge-trees.ts";
import { changedSince, takeFilesBack } from "./move-files.ts";
import { moveRef } from "./move-ref.ts";
import { readRecord, resultPlaces, type ResultRecord, resultsDirectory, writeRecord } from "./result-record.ts";
import { branchMovedOn, changedAfterwards } from "./undo-result-errors.ts";
import { branchCommit } from "./user-checkout.ts";

/** After a crash: what had moved its branch is ended, everything else is taken back. Idempotent. */
export async function settleResult(tools: WorkspaceTools, id: string): Promise<WorkspaceResult | undefined> {
  const record = await readRecord(tools, id);
  if (record === "damaged") throw undoDamaged(id, "its record cannot be read", resultPlaces(tools, id).before);
  if (record === undefined) {
    await discard(tools, id);
    return undefined;
  }
  const { checkout } = record;
  if (record.phase === "undoing") {
    await takeAllBack(tools, record);
    return undefined;
  }
  if (record.phase === "begun" && !(await hasMoved(tools, record))) {
    await takeAllBack(tools, record);
    return undefined;
  }
  if (record.phase === "begun") await writeRecord(tools, { ...record, phase: "done" });
  if (checkout !== undefined) await unlockIndex(tools, checkout, id);
  await tools.fileSystem.remove(resultPlaces(tools, id).after);
  return record.result;
}

/** The branch is at the commit that it was to be moved to, or past it. */
async function hasMoved(tools: WorkspaceTools, { ref, commonDirectory }: ResultRecord): Promise<boolean> {
  if (ref === undefined) return false;
  const now = await branchCommit(tools, commonDirectory, ref.name.slice("refs/heads/".length));
  if (now === undefined || now === ref.before) return false;
  return (
    now === ref.after ||
    isAncestor(tools, [ref.after, now], { cwd: commonDirectory, environment: { GIT_DIR: commonDirectory } })
  );
}

/**
 * Everything is as it was before, and the record goes. Idempotent: what was cut off goes on. Refuses, with nothing changed, what was changed since.
 */
export async function takeAllBack(tools: WorkspaceTools, record: ResultRecord): Promise<void> {
  const { checkout, id, phase } = record;
  const places = resultPlaces(tools, id);
  const { fileSystem } = tools;
  const isTouched = phase === "undoing" || (await fileSystem.kindOf(places.before)) !== "absent";
  if (checkout === undefined) await moveRefBack(tools, record);
  else if (!isTouched) await unlockIndex(tools, checkout, id);
  else if ((await fileSystem.kindOf(checkout.gitDirectory)) === "directory") {
    await lockIndex(tools, checkout, id);
    try {
      const { changes, made, cleared } = record;
      const call = { workTree: checkout.workTree, places, changes, made, cleared };
      const files = await changedSince(tools, call);
      if (files.length > 0) throw changedAfterwards(record, files);
      // The branch first: whether it can be is known only when it is done.
      await moveRefBack(tools, record);
      await takeFilesBack(tools, call);
      await changeIndex(tools, record, { checkout, to: "before" });
    } finally {
      await unlockIndex(tools, checkout, id);
    }
  }
  await discard(tools, id);
}

async function moveRefBack(tools: WorkspaceTools, record: ResultRecord): Promise<void> {
  const { ref, phase, commonDirectory } = record;
  if (ref === undefined || phase !== "undoing") return;
  const branch = ref.name.slice("refs/heads/".length);
  const now = await branchCommit(tools, commonDirectory, branch);
  if (now === ref.before) return;
  if (now !== ref.after) throw branchMovedOn(record, branch, now);
  await moveRef(tools, record, { from: ref.after, to: ref.before });
}

/** The record first, so that half of one is never read. */
export async function discard(tools: WorkspaceTools, id: string): Promise<void> {
  const { fileSystem } = tools;
  const places = resultPlaces(tools, id);
  if ((await fileSystem.kindOf(places.directory)) === "absent") return;
  await fileSystem.remove(places.record);
  await fileSystem.remove(places.directory);
  await fileSystem.sync(resultsDirectory(tools));
}
