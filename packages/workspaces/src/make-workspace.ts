import { dirname, join, resolve } from "node:path";

import type { WorkspaceCreation, WorkspaceRecord, WorkspaceRequest } from "@clauderon/core/contract";

import { lookUpBranch } from "./branch-lookup.ts";
import { carryChanges, digestOfChanges } from "./carry-changes.ts";
import { fillFromCheckpoint } from "./checkpoints/fill-from-checkpoint.ts";
import { copyIncluded, INCLUDE_FILE, type IncludeOutcome } from "./copy-included.ts";
import { checkOutDraft, type DraftCheckout, draftPath } from "./draft-checkout.ts";
import type { EarlyDrafts } from "./early-drafts.ts";
import { complaintOf } from "./git.ts";
import { endOrphanedGit, gitForSession } from "./orphaned-git.ts";
import { type GitTree, makeOwnGitDirectory } from "./own-git-directory.ts";
import { findCheckout } from "./plan-workspace.ts";
import { readablePath } from "./porcelain-status.ts";
import { locateRepository } from "./resolve-repository.ts";
import { retryLocked } from "./retry-locked.ts";
import { deleteBranchAtBase, takeDown } from "./take-down.ts";
import type { UserSettings } from "./user-settings.ts";
import type { WorkspaceClaims } from "./workspace-claims.ts";
import { branchExists, branchInUse, pathExists, repositoryGone } from "./workspace-errors.ts";
import { type WorkspaceMark, writeMark } from "./workspace-mark.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";
import { findWorktreeEntry } from "./worktree-entry.ts";

export interface MakeCall {
  readonly request: WorkspaceRequest;
  readonly record: WorkspaceRecord;
  readonly claims: WorkspaceClaims;
  readonly settings: UserSettings;
  readonly drafts: EarlyDrafts;
  readonly signal?: AbortSignal | undefined;
}

/** Makes the workspace or leaves nothing of it. What an earlier call left half-made is made anew. */
export async function makeWorkspace(given: WorkspaceTools, call: MakeCall): Promise<WorkspaceCreation> {
  const { request, record, claims, signal } = call;
  const { sessionId, name } = request;
  const tools = { ...given, git: gitForSession(given, sessionId) };
  const before = await claims.get(sessionId);
  if (before?.phase === "made" && (await tools.fileSystem.kindOf(record.path)) === "directory")
    return { copied: (before.included ?? []).map(({ path }) => readablePath(path)), notices: [] };
  if (before === undefined) await refuseForeign(tools, record, name);
  signal?.throwIfAborted();
  const mark: WorkspaceMark = { instanceId: tools.instanceId, sessionId, name, record };
  try {
    await claims.put({ ...mark, phase: "making" });
    if (before !== undefined) await clearAway(tools, record, sessionId);
    const tree = await addAndCheckOut(tools, { ...call, mark });
    const { carried, included } = await fill(tools, call, tree);
    signal?.throwIfAborted();
    await claims.put({
      ...mark,
      carried,
      ...(included.files.length === 0 ? {} : { included: included.files }),
      phase: "made",
    });
    return { copied: included.copied, notices: included.notices };
  } catch (error) {
    await rollBack(tools, call, error);
    throw error;
  }
}

async function refuseForeign(tools: WorkspaceTools, record: WorkspaceRecord, name: string): Promise<void> {
  if ((await tools.fileSystem.kindOf(record.commonDirectory)) === "absent") throw repositoryGone(record);
  if ((await tools.fileSystem.kindOf(record.path)) !== "absent") throw pathExists(record.path, name);
  if (!record.isOwnBranch) return;
  const found = await lookUpBranch(tools, record.commonDirectory, record.branch);
  if (found.state !== "free") throw branchExists(record.branch, found.state === "blocked" ? found.by : undefined);
}

async function rollBack(tools: WorkspaceTools, { request, record, claims }: MakeCall, reason: unknown): Promise<void> {
  try {
    await takeDown(tools, record, request.sessionId);
    await deleteBranchAtBase(tools, record);
    await claims.remove(request.sessionId);
  } catch (error) {
    // The claim stays, so that the next call or `undo` takes it back; the caller hears the first reason.
    tools.logger.warn(
      { sessionId: request.sessionId, path: record.path, reason: String(reason), error: String(error) },
      "a half-made workspace could not be taken back yet",
    );
  }
}

/** After a crash. */
async function clearAway(tools: WorkspaceTools, record: WorkspaceRecord, sessionId: string): Promise<void> {
  await endOrphanedGit(tools, sessionId);
  await takeDown(tools, record, sessionId);
}

type AddCall = MakeCall & { readonly mark: WorkspaceMark };

/** On a new branch, whose commit is known, the files are written while git makes the worktree. */
async function addAndCheckOut(tools: WorkspaceTools, call: AddCall): Promise<GitTree> {
  const { record, mark, drafts, signal } = call;
  await tools.fileSystem.makeDirectory(dirname(record.path));
  const isNew =
    record.isOwnBranch && (await lookUpBranch(tools, record.commonDirectory, record.branch)).state !== "exists";
  const early = await drafts.take(mark.sessionId, isNew ? record : undefined);
  if (!isNew) {
    await forgetVanished(tools, record);
    const tree = await addWorktree(tools, { ...call, isNew });
    await checkOut(tools, tree, signal);
    return tree;
  }
  const adding = addWorktree(tools, { ...call, isNew });
  await using draft = early ?? checkOutDraft(tools, draftPath(dirname(record.path), mark.sessionId), record);
  const isAdopted = await both(adding, draft, signal);
  const tree = await adding;
  if (!isAdopted) await checkOut(tools, tree, signal);
  return tree;
}

/** Nobody goes on making what is then taken down: what fails is told when the other has ended, too. */
async function both(adding: Promise<GitTree>, draft: DraftCheckout, signal: AbortSignal | undefined): Promise<boolean> {
  const adopting = draft.adopt(adding);
  const onAbort = (): void => draft.cancel(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    const [isAdopted] = await Promise.all([adopting, adding, draft.written]);
    return isAdopted;
  } catch (error) {
    // The files may take long; git's entry is made in a moment, and killed in the middle it could leave a lock on the branch.
    draft.cancel(error);
    await Promise.allSettled([adopting, adding, draft.written]);
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function addWorktree(tools: WorkspaceTools, call: AddCall & { readonly isNew: boolean }): Promise<GitTree> {
  const { record, signal, mark, isNew } = call;
  const { path, branch, commonDirectory } = record;
  let isFirst = true;
  const add = async (): Promise<void> => {
    // An attempt that another git's lock cut short may have made the branch already.
    const isToBeMade = isNew && (isFirst || (await lookUpBranch(tools, commonDirectory, branch)).state !== "exists");
    isFirst = false;
    // With a new branch, `--force` only lets go of an entry whose directory has vanished.
    const options = isToBeMade ? ["--no-track", "-b", branch, "--", path, record.base] : ["--", path, branch];
    const args = [`--git-dir=${commonDirectory}`, "worktree", "add", "--quiet", "--no-checkout"];
    await tools.git.act([...args, ...(isNew ? ["--force"] : []), ...options], { cwd: commonDirectory, signal });
  };
  try {
    await retryLocked(add, signal);
  } catch (error) {
    const complaint = complaintOf(error);
    if (/is already (?:checked out|used by worktree) at/u.test(complaint)) {
      throw branchInUse(branch, (await findCheckout(tools, { commonDirectory, branch })) ?? "another worktree");
    }
    if (/a branch named .* already exists/u.test(complaint)) throw branchExists(branch);
    throw error;
  }
  const gitFile = (await tools.fileSystem.readText(join(path, ".git"))) ?? "";
  const gitDirectory = resolve(path, gitFile.replace(/^gitdir: /u, "").replace(/\n$/u, ""));
  await writeMark(tools.fileSystem, gitDirectory, mark);
  const head = isNew
    ? record.base
    : (
        await tools.git.inspect([`--git-dir=${gitDirectory}`, "rev-parse", "--verify", "HEAD^{commit}"], { signal })
      ).stdout.trim();
  return { workTree: path, gitDirectory, commonDirectory, head };
}

async function forgetVanished(tools: WorkspaceTools, record: WorkspaceRecord): Promise<void> {
  const entry = await findWorktreeEntry(tools.fileSystem, record);
  if (entry !== undefined && entry.lock === undefined) await tools.fileSystem.remove(entry.directory);
}

/** The user's own filters (git-lfs) run; the repository's configuration is not read, its hooks do not run. */
export async function checkOut(tools: WorkspaceTools, tree: GitTree, signal: AbortSignal | undefined): Promise<void> {
  await using own = await makeOwnGitDirectory(tools, tree, { use: "user" });
  await tools.git.act(["read-tree", "--reset", "-u", tree.head], {
    cwd: tree.workTree,
    environment: own.environment,
    signal,
  });
}

export interface Filled {
  /** Digest of what came from the user's checkout, or from a checkpoint. */
  readonly carried: string | undefined;
  readonly included: IncludeOutcome;
}

/** Whether files of the user's checkout are to come along; without asking git. */
async function namesFiles({ fileSystem }: WorkspaceTools, { include, repository }: WorkspaceRequest): Promise<boolean> {
  if (include === undefined) return false;
  if (include.patterns.length > 0) return true;
  return include.isFileRead && (await fileSystem.kindOf(join(repository.path, INCLUDE_FILE))) !== "absent";
}

/** What of the user's checkout comes along: uncommitted changes, then the files that are to be copied. */
export async function fill(
  tools: WorkspaceTools,
  { request, settings, signal }: MakeCall,
  target: GitTree,
): Promise<Filled> {
  const nothing: Filled = { carried: undefined, included: { copied: [], notices: [], files: [] } };
  const { withChanges, include, checkpoint } = request;
  if (checkpoint !== undefined) {
    await fillFromCheckpoint(tools, target, { id: checkpoint, settings, signal });
    return { ...nothing, carried: await digestOfChanges(tools, target, { settings, signal }) };
  }
  if (!withChanges && !(await namesFiles(tools, request))) return nothing;
  const { workTree, ...source } = await locateRepository(tools, request.repository.path, signal);
  if (workTree === undefined) return nothing;
  const options = { settings, signal };
  const trees = { source: { ...source, workTree }, target };
  if (withChanges) await carryChanges(tools, trees, options);
  const included = include === undefined ? nothing.included : await copyIncluded(tools, trees, { include, ...options });
  if (!withChanges && included.files.length === 0) return { ...nothing, included };
  return { carried: await digestOfChanges(tools, target, options), included };
}
