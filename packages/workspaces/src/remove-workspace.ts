import { basename, dirname } from "node:path";

import type { WorkspaceRecord, WorkspaceRemoval } from "@clauderon/core/contract";

import { digestOfChanges } from "./carry-changes.ts";
import { removeIgnored } from "./ignored-files.ts";
import { detachedBranches, keepDetached } from "./keep-detached.ts";
import { isInUndoRecord, keepForUndo, recordedTree, renewUndoRecord } from "./keep-for-undo.ts";
import { endOrphanedGit } from "./orphaned-git.ts";
import { findCheckout } from "./plan-workspace.ts";
import { countUnreachedPrivate } from "./private/count-unreached-private.ts";
import { keepUnpublished, type KeptCommits } from "./private/keep-unpublished.ts";
import { makeIndependent } from "./private/make-independent.ts";
import { publishBranch } from "./private/publish-branch.ts";
import { wasUsedInside } from "./private/was-used-inside.ts";
import { listPutAside } from "./private/write-git-file.ts";
import { readStatus, type ReadOptions } from "./read-workspace.ts";
import { readRemoteState } from "./remote/remote-state.ts";
import { countUnreached, deleteBranch, deleteBranchAtBase, takeDown, tipOf } from "./take-down.ts";
import { isBeingRestored } from "./undo-records.ts";
import { holdsWork, workspaceMissing } from "./workspace-errors.ts";
import { removeMark, type WorkspaceClaim } from "./workspace-mark.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";
import { findWorktreeEntry, type WorktreeEntry } from "./worktree-entry.ts";

export interface RemoveOptions extends ReadOptions {
  readonly sessionId?: string | undefined;
  readonly force?: boolean | undefined;
  readonly keepBranch?: boolean | undefined;
  readonly keepWorktree?: boolean | undefined;
  readonly undo?:
    | { readonly at: string; readonly session: unknown; readonly isRequired?: boolean | undefined }
    | undefined;
  readonly dropIgnored?: boolean | undefined;
}

interface Ownership {
  readonly sessionId: string;
  readonly claim: WorkspaceClaim | undefined;
  readonly entry: WorktreeEntry | undefined;
}

/** Whose workspace it is by claim or mark; `undefined` when nothing shows that it is this home's. */
async function ownershipOf(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { claims, sessionId }: { readonly claims: RemoveOptions["claims"]; readonly sessionId?: string | undefined },
): Promise<Ownership | undefined> {
  const entry = await findWorktreeEntry(tools.fileSystem, record, sessionId);
  const claim =
    sessionId === undefined
      ? (await claims.list()).find((known) => known.record.path === record.path)
      : await claims.get(sessionId);
  if (claim !== undefined) return { sessionId: claim.sessionId, claim, entry };
  if (entry?.mark?.instanceId !== tools.instanceId || (sessionId !== undefined && entry.mark.sessionId !== sessionId))
    return undefined;
  return { sessionId: entry.mark.sessionId, claim, entry };
}

/** Takes the workspace away, work that exists nowhere else excepted; finishes what an earlier call began. */
export async function removeWorkspace(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  options: RemoveOptions,
): Promise<WorkspaceRemoval> {
  const { claims, signal } = options;
  const owner = await ownershipOf(tools, record, options);
  if (owner === undefined) {
    const { undo, sessionId } = options;
    if (sessionId === undefined || !(await isInUndoRecord(tools, sessionId))) {
      if (undo?.isRequired === true) throw workspaceMissing(record);
      return reportForeign(tools, record, signal);
    }
    if (undo !== undefined) await renewUndoRecord(tools, sessionId, undo);
    const away = undo?.isRequired === true ? undefined : await recordedTree(tools, sessionId);
    const moved = { ...record, privateDirectory: dirname(away?.gitDirectory ?? "") };
    if (away !== undefined && record.kind !== "worktree") await publishBranch(tools, moved, signal);
    const kept = away === undefined ? [] : await keepCommits(tools, moved, options);
    return { ...told(await removeBranch(tools, record, options), kept), hasUndoRecord: true };
  }
  const { sessionId } = owner;
  const isHalfMade = owner.claim?.phase === "making";
  if (isHalfMade) await endOrphanedGit(tools, sessionId);
  const entry = isHalfMade ? await findWorktreeEntry(tools.fileSystem, record, sessionId) : owner.entry;
  const place = entry?.path ?? record.path;
  const exists = (await tools.fileSystem.kindOf(place)) === "directory";
  if (options.undo?.isRequired === true && (isHalfMade || (place !== record.path && exists)))
    throw workspaceMissing(record);
  if (record.kind !== "worktree" && !isHalfMade && entry !== undefined) await publishBranch(tools, record, signal);
  if (exists && (options.keepWorktree === true || place !== record.path)) {
    if (record.kind !== "worktree") await makeIndependent(tools, record);
    if (entry !== undefined) await removeMark(tools.fileSystem, entry.directory);
    await claims.remove(sessionId);
    return {
      keptWorktree: place,
      keptBranch: record.isOwnBranch ? { name: record.branch, reason: `its worktree ${place} stays` } : undefined,
    };
  }
  const isBegun = options.undo !== undefined && (await isInUndoRecord(tools, sessionId));
  if (exists && options.force !== true && !isBegun) await refuseWork(tools, record, { ...options, entry });
  signal?.throwIfAborted();
  const hasUndoRecord = options.undo !== undefined && !isHalfMade && (exists || isBegun);
  if (options.undo?.isRequired === true && !hasUndoRecord) throw workspaceMissing(record);
  const isLeft = !isHalfMade && entry !== undefined && options.undo?.isRequired !== true;
  const keptCommits = isLeft ? await keepCommits(tools, record, options) : [];
  if (isLeft && !hasUndoRecord && options.force !== true) await refuseLostCommits(tools, record, signal);
  const keptDetached = hasUndoRecord
    ? await moveAway(tools, record, { ...options, owner: { ...owner, entry }, keptCommits })
    : await keepDetached(tools, record, { entry, signal });
  if (hasUndoRecord && options.dropIgnored === true) await dropIgnored(tools, { ...options, sessionId });
  await takeDown(tools, record, sessionId);
  const keptBranch = await removeBranch(tools, record, options);
  await claims.remove(sessionId);
  return { ...told(keptBranch, keptCommits), keptDetached, ...(hasUndoRecord ? { hasUndoRecord } : {}) };
}

/** What the branch in the repository cannot take; of what is given up only that of the session's own branch. */
async function keepCommits(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { force, keepBranch, signal }: RemoveOptions,
): Promise<readonly KeptCommits[]> {
  if (record.kind === "worktree") return [];
  return keepUnpublished(tools, record, { isWhole: force !== true || keepBranch === true, signal });
}

function told(
  branch: WorkspaceRemoval["keptBranch"],
  commits: readonly KeptCommits[],
): Pick<WorkspaceRemoval, "keptBranch" | "keptCommits"> {
  const others = commits.flatMap(({ name, reason }) => (name === branch?.name ? [] : [{ name, reason }]));
  if (others.length === 0) return { keptBranch: branch };
  const reason = `${branch?.reason ?? ""}; it has not all commits of the session`;
  return { keptBranch: branch === undefined ? undefined : { ...branch, reason }, keptCommits: others };
}

async function moveAway(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  {
    owner,
    keptCommits,
    undo,
    signal,
  }: RemoveOptions & { readonly owner: Ownership; readonly keptCommits: readonly KeptCommits[] },
): Promise<WorkspaceRemoval["keptDetached"]> {
  const { entry, sessionId } = owner;
  const mark = owner.claim ??
    entry?.mark ?? { sessionId, instanceId: tools.instanceId, name: basename(record.path), record };
  const before = await detachedBranches(tools, record);
  const kept = await keepDetached(tools, record, { entry, signal });
  const made =
    kept === undefined || before.some((branch) => branch === kept.name)
      ? []
      : [{ name: `refs/heads/${kept.name}`, commit: (await tipOf(tools, { ...record, branch: kept.name })) ?? "" }];
  await keepForUndo(tools, record, {
    claim: { ...mark, phase: "made" },
    entry,
    at: undo?.at ?? new Date().toISOString(),
    session: undo?.session,
    made: [...made, ...keptCommits.flatMap((commits) => (commits.made === undefined ? [] : [commits.made]))],
    signal,
  });
  return kept;
}

/** Only once everything else is in the record. */
async function dropIgnored(
  tools: WorkspaceTools,
  options: RemoveOptions & { readonly sessionId: string },
): Promise<void> {
  const tree = await recordedTree(tools, options.sessionId);
  if (tree !== undefined) await removeIgnored(tools, tree, options);
}

/** Without our mark nothing is touched; a second removal of a workspace that is gone ends here, too. */
async function reportForeign(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  signal: AbortSignal | undefined,
): Promise<WorkspaceRemoval> {
  const exists = (await tools.fileSystem.kindOf(record.path)) !== "absent";
  const tip = record.isOwnBranch ? await tipOf(tools, record, signal) : undefined;
  return {
    keptWorktree: exists ? record.path : undefined,
    keptBranch:
      tip === undefined
        ? undefined
        : { name: record.branch, reason: "nothing shows any more that it was made for this session" },
  };
}

async function refuseWork(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  options: RemoveOptions & { readonly entry: WorktreeEntry | undefined },
): Promise<void> {
  if (options.entry?.lock !== undefined && options.entry.lock.trim() !== "initializing") {
    throw holdsWork(record, `it is locked${options.entry.lock.trim() === "" ? "" : `: ${options.entry.lock.trim()}`}`);
  }
  const { staged, unstaged, untracked, stashes = 0, isBehind } = await readStatus(tools, record, options);
  // What is on no branch of the repository goes with the git directories, unless they go into an undo record.
  const isLost = record.kind !== "worktree" && options.undo === undefined;
  // Else they are about to be kept.
  if (isLost && options.keepBranch !== true && record.isOwnBranch)
    await refuseLostCommits(tools, record, options.signal);
  if (isLost && stashes > 0)
    throw holdsWork(record, `${stashes === 1 ? "1 stash" : `${String(stashes)} stashes`} would go with it`);
  if (isLost && isBehind === true)
    throw holdsWork(record, "something was written to its sandbox's git directory since commits last came out of it");
  if (staged + unstaged + untracked > 0)
    throw holdsWork(
      record,
      `it holds ${String(staged)} staged, ${String(unstaged)} unstaged and ${String(untracked)} untracked changes`,
    );
}

/** Where there is no undo record. */
async function refuseLostCommits(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (record.kind === "worktree") return;
  const lost = await countUnreachedPrivate(tools, record, { countsOwn: true, signal });
  if (lost === 0) return;
  throw holdsWork(
    record,
    `${lost === 1 ? "1 commit" : `${String(lost)} commits`} of the session would go with it: no branch of the repository has them`,
  );
}

async function removeBranch(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { keepBranch, signal }: RemoveOptions,
): Promise<WorkspaceRemoval["keptBranch"]> {
  if (!record.isOwnBranch) return undefined;
  const name = record.branch;
  const tip = await tipOf(tools, record, signal);
  if (tip === undefined) return undefined;
  if (keepBranch === true) return { name, reason: "as asked for" };
  const place = await findCheckout(tools, { ...record, signal });
  if (place !== undefined) return { name, reason: `it is checked out at ${place}` };
  const unreached = await countUnreached(tools, record, { tips: [tip], signal });
  if (unreached > 0)
    return {
      name,
      reason: `no other branch, tag or remote branch reaches ${unreached === 1 ? "its last commit" : `its last ${String(unreached)} commits`}`,
    };
  await deleteBranch(tools, record, tip);
  return undefined;
}

/** Takes back what `create` made as long as nobody has worked in it; else it stays, and a warning says so. */
export async function undoWorkspace(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  options: ReadOptions & { readonly sessionId: string },
): Promise<void> {
  const { claims, sessionId } = options;
  const owner = await ownershipOf(tools, record, options);
  // Of a claim that was being written only a part may be there.
  if (owner === undefined) return claims.remove(sessionId);
  if (await isBeingRestored(tools, sessionId)) {
    tools.logger.warn(
      { sessionId, path: record.path },
      "the workspace is half put back by an undo, and stays for the next",
    );
    return;
  }
  if (owner.claim?.phase !== "making" && (await wasWorkedIn(tools, record, { ...options, owner }))) {
    tools.logger.warn({ sessionId, path: record.path, branch: record.branch }, "the workspace holds work and stays");
    return;
  }
  if (owner.claim?.phase === "making") await endOrphanedGit(tools, sessionId);
  const kept = await keepDetached(tools, record, { entry: owner.entry, signal: options.signal });
  if (kept !== undefined) tools.logger.warn({ sessionId, branch: kept.name }, "commits of a detached HEAD were kept");
  await takeDown(tools, record, sessionId);
  if (!(await deleteBranchAtBase(tools, record)))
    tools.logger.warn(
      { sessionId, branch: record.branch },
      "the branch was worked on or is checked out elsewhere, and stays",
    );
  await claims.remove(sessionId);
}

async function wasWorkedIn(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  options: ReadOptions & { readonly owner: Ownership },
): Promise<boolean> {
  const { entry, claim } = options.owner;
  const place = entry?.path ?? record.path;
  if (record.kind === "private" && (await wasUsedInside(tools, record))) return true;
  if (record.kind === "remote" && (await readRemoteState(tools, record)).since !== undefined) return true;
  if ((await listPutAside(tools, record)).length > 0) return true;
  if ((await tools.fileSystem.kindOf(place)) !== "directory") return false;
  if (place !== record.path || entry === undefined) return true;
  const status = await readStatus(tools, record, options);
  if (status.unreachedCommits > 0 && record.isOwnBranch) {
    const { stdout } = await tools.git.inspect([`--git-dir=${entry.gitDirectory}`, "rev-parse", "HEAD"], {
      signal: options.signal,
    });
    if (stdout.trim() !== record.base) return true;
  }
  if (status.staged + status.unstaged + status.untracked === 0) return false;
  if (claim?.carried === undefined) return true;
  const tree = {
    workTree: record.path,
    gitDirectory: entry.gitDirectory,
    commonDirectory: entry.commonDirectory,
    head: record.base,
  };
  return (await digestOfChanges(tools, tree, options)) !== claim.carried;
}
