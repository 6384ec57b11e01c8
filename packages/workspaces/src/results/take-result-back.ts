import { ClauderonError } from "@clauderon/core/contract";

import { undoDamaged, undoNotFound } from "../undo-errors.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { checkIndex } from "./index-change.ts";
import { isBusy } from "./result-errors.ts";
import { readRecord, resultPlaces, type ResultRecord, writeRecord } from "./result-record.ts";
import { inProgress } from "./session-work.ts";
import { settleResult, takeAllBack } from "./settle-result.ts";
import { branchMovedOn, checkedOutSince, resultRepositoryGone } from "./undo-result-errors.ts";
import { branchCommit, headBranch, placeOf } from "./user-checkout.ts";

/** Makes branch and files what they were before a merge or an application, or refuses and changes nothing. */
export async function takeResultBack(tools: WorkspaceTools, id: string): Promise<void> {
  const found = await readRecord(tools, id);
  const { before } = resultPlaces(tools, id);
  if (found === undefined) throw undoNotFound(id);
  if (found === "damaged") throw undoDamaged(id, "its record cannot be read, or is of another version", before);
  const { fileSystem } = tools;
  if ((await fileSystem.kindOf(found.commonDirectory)) !== "directory") throw resultRepositoryGone(found, before);
  // What was cut off is settled first; then it may be back already.
  if ((await settleResult(tools, id)) === undefined) return;
  const record: ResultRecord = { ...(await atPlace(tools, found)), phase: "undoing" };
  const { checkout, ref } = record;
  if (ref !== undefined) {
    const branch = ref.name.slice("refs/heads/".length);
    const now = await branchCommit(tools, record.commonDirectory, branch);
    if (now !== ref.after) throw branchMovedOn(record, branch, now);
  }
  if (checkout !== undefined) {
    const busy = await inProgress(tools, checkout.gitDirectory);
    if (busy !== undefined) throw isBusy(checkout.workTree, busy);
    for (const [index, change] of record.changes.entries()) {
      const isMissing =
        change.before !== undefined &&
        change.before.mode !== "160000" &&
        (await fileSystem.kindOf(`${before}/${String(index)}`)) === "absent";
      if (isMissing) throw undoDamaged(id, "files that it kept are not there any more", before);
    }
    await checkIndex(tools, record, checkout);
  }
  await writeRecord(tools, record);
  try {
    await takeAllBack(tools, record);
  } catch (error) {
    // Refused, with nothing changed: it is what it was.
    if (ClauderonError.isInstance(error, "merge.refused") && !(await isBegun(tools, record)))
      await writeRecord(tools, { ...found, phase: "done" });
    throw error;
  }
}

async function isBegun(tools: WorkspaceTools, { id, ref, commonDirectory }: ResultRecord): Promise<boolean> {
  if ((await tools.fileSystem.kindOf(resultPlaces(tools, id).taken)) !== "absent") return true;
  if (ref === undefined) return false;
  return (await branchCommit(tools, commonDirectory, ref.name.slice("refs/heads/".length))) === ref.before;
}

/** With the files only where the branch is still checked out; a branch that is checked out nowhere moves alone. */
async function atPlace(tools: WorkspaceTools, record: ResultRecord): Promise<ResultRecord> {
  const { checkout, ref, commonDirectory } = record;
  if (ref === undefined) {
    const kind = checkout === undefined ? "absent" : await tools.fileSystem.kindOf(checkout.workTree);
    if (kind !== "directory") throw resultRepositoryGone(record, resultPlaces(tools, record.id).before);
    return record;
  }
  const branch = ref.name.slice("refs/heads/".length);
  const isThere =
    checkout !== undefined &&
    (await tools.fileSystem.kindOf(checkout.workTree)) === "directory" &&
    (await headBranch(tools, checkout.gitDirectory)) === branch;
  if (isThere) return record;
  const place = await placeOf(tools, commonDirectory, branch);
  if (place !== undefined) throw checkedOutSince(record, branch, place);
  return { ...record, checkout: undefined, changes: [], made: [], cleared: [] };
}
