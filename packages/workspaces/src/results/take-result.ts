import { dirname } from "node:path";

import type { WorkspaceRecord, WorkspaceResult, WorkspaceResults } from "@clauderon/core/contract";

import { makeOwnGitDirectory } from "../own-git-directory.ts";
import { undoDamaged } from "../undo-errors.ts";
import type { UserSettings } from "../user-settings.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { checkWay } from "./check-way.ts";
import { clearedDirectories } from "./cleared-directories.ts";
import { changeIndex } from "./index-change.ts";
import { lockIndex, unlockIndex } from "./index-lock.ts";
import { facesOf, putFiles } from "./move-files.ts";
import { moveRef } from "./move-ref.ts";
import { prepareApply } from "./prepare-apply.ts";
import { prepareMerge } from "./prepare-merge.ts";
import { type Prepared, type PrepareCall, resultOf } from "./prepared.ts";
import { movedMeanwhile } from "./result-errors.ts";
import { readRecord, resultPlaces, type ResultRecord, resultsDirectory, writeRecord } from "./result-record.ts";
import { discard, settleResult, takeAllBack } from "./settle-result.ts";
import { missingDirectories, stageFiles } from "./stage-files.ts";
import { findUserCheckout, placeOf } from "./user-checkout.ts";

type TakeCall = Parameters<WorkspaceResults["take"]>[2];

function prepare(tools: WorkspaceTools, call: PrepareCall): Promise<Prepared> {
  return call.request.kind === "merge" ? prepareMerge(tools, call) : prepareApply(tools, call);
}

/** What a merge or an application would do; refuses for the same reasons. */
export async function checkResult(tools: WorkspaceTools, call: PrepareCall): Promise<WorkspaceResult> {
  await using prepared = await prepare(tools, call);
  if (!prepared.isUpToDate) await checkCheckout(tools, prepared, call);
  return resultOf(prepared, call.request.kind);
}

async function checkCheckout(tools: WorkspaceTools, prepared: Prepared, call: PrepareCall): Promise<void> {
  const { checkout, changes, settings } = prepared;
  if (checkout === undefined) return;
  await using own = await makeOwnGitDirectory(tools, checkout, { use: "user", settings });
  const doing = call.request.kind === "merge" ? "The merge" : "Applying the changes";
  await checkWay(tools, { workTree: checkout.workTree, changes, own, doing, signal: call.signal });
}

/** Does it: everything, or nothing. */
export async function takeResult(
  tools: WorkspaceTools,
  id: string,
  given: { readonly record: WorkspaceRecord; readonly call: TakeCall; readonly settings: UserSettings },
): Promise<WorkspaceResult> {
  const { record, call, settings } = given;
  const earlier = await settleResult(tools, id);
  if (earlier !== undefined) return earlier;
  const preparing = { record, request: call, settings, signal: call.signal };
  await using prepared = await prepare(tools, preparing);
  if (prepared.isUpToDate) return resultOf(prepared, call.kind);
  const after = await prepared.makeCommit?.();
  call.signal?.throwIfAborted();
  const places = resultPlaces(tools, id);
  const { fileSystem } = tools;
  const { checkout, branch, before } = prepared;
  try {
    await fileSystem.remove(places.directory);
    await fileSystem.makeDirectory(places.directory);
    const changes = checkout === undefined ? [] : await stageFiles(tools, prepared, { places, signal: call.signal });
    const begun: Omit<ResultRecord, "version"> = {
      phase: "begun",
      id,
      name: call.name,
      at: call.at,
      session: call.session,
      repositoryPath: record.repositoryPath,
      commonDirectory: record.commonDirectory,
      result: resultOf(prepared, call.kind, after),
      ref:
        branch === undefined || before === undefined || after === undefined
          ? undefined
          : { name: `refs/heads/${branch}`, before, after },
      checkout:
        checkout === undefined ? undefined : { workTree: checkout.workTree, gitDirectory: checkout.gitDirectory },
      changes,
      made: checkout === undefined ? [] : await missingDirectories(tools, checkout.workTree, changes),
      cleared: checkout === undefined ? [] : await clearedDirectories(tools, checkout.workTree, changes),
    };
    call.signal?.throwIfAborted();
    await writeRecord(tools, begun);
    for (const directory of [resultsDirectory(tools), dirname(resultsDirectory(tools)), tools.homeDirectory])
      await fileSystem.sync(directory);
    await change(tools, { begun, prepared, preparing });
    await finish(tools, begun, call.keeps);
    return begun.result;
  } catch (error) {
    await giveUp(tools, id, error);
    throw error;
  }
}

interface ChangeCall {
  readonly begun: Omit<ResultRecord, "version">;
  readonly prepared: Prepared;
  readonly preparing: PrepareCall;
}

/** Files, index, branch, in this order: until the branch has moved, everything can be taken back. */
async function change(tools: WorkspaceTools, { begun, prepared, preparing }: ChangeCall): Promise<void> {
  const { checkout, ref, changes, made, cleared, id } = begun;
  if (checkout !== undefined) {
    await lockIndex(tools, checkout, id);
    const faces = await facesOf(tools, { workTree: checkout.workTree, changes });
    await refuseMoved(tools, prepared, preparing);
    await checkCheckout(tools, prepared, preparing);
    const places = resultPlaces(tools, id);
    await putFiles(tools, { workTree: checkout.workTree, places, changes, made, cleared }, faces);
    await changeIndex(tools, begun, { checkout, to: "after" });
  } else if (ref !== undefined && prepared.branch !== undefined) {
    const place = await placeOf(tools, begun.commonDirectory, prepared.branch);
    if (place !== undefined) throw movedMeanwhile(prepared.branch);
  }
  if (ref !== undefined) await moveRef(tools, begun, { from: ref.before, to: ref.after });
}

/** From the checks on nobody can commit or switch there: the index is locked. */
async function refuseMoved(tools: WorkspaceTools, prepared: Prepared, { record }: PrepareCall): Promise<void> {
  const now = await findUserCheckout(tools, record);
  const { checkout } = prepared;
  if (now?.branch !== checkout?.branch || now?.head !== checkout?.head)
    throw movedMeanwhile(checkout?.branch ?? "HEAD");
}

async function finish(tools: WorkspaceTools, begun: Omit<ResultRecord, "version">, keeps: boolean): Promise<void> {
  const { checkout, id } = begun;
  await writeRecord(tools, { ...begun, phase: "done" });
  // Everything has changed by now: what fails here is left for the next call that looks.
  try {
    if (checkout !== undefined) await unlockIndex(tools, checkout, id);
    await tools.fileSystem.remove(resultPlaces(tools, id).after);
    if (!keeps) await discard(tools, id);
  } catch (error) {
    tools.logger.warn({ id, error: String(error) }, "what a merge needed stays until the next start");
  }
}

/** After a failure. What cannot be taken back now is by the next call; the caller hears the first reason. */
async function giveUp(tools: WorkspaceTools, id: string, reason: unknown): Promise<void> {
  try {
    const record = await readRecord(tools, id);
    if (record === "damaged") throw undoDamaged(id, "its record cannot be read", resultPlaces(tools, id).before);
    if (record === undefined) await discard(tools, id);
    else if (record.phase === "begun") await takeAllBack(tools, record);
  } catch (error) {
    tools.logger.warn({ id, reason: String(reason), error: String(error) }, "a merge could not be taken back yet");
  }
}
