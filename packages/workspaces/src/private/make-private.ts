import { dirname, join } from "node:path";

import type { OnCreationProgress, WorkspaceCreation, WorkspaceRecord } from "@clauderon/core/contract";

import { allSettled } from "../all-settled.ts";
import { lookUpBranch } from "../branch-lookup.ts";
import type { DraftCheckout } from "../draft-checkout.ts";
import { type Filled, fill, type MakeCall, checkOut } from "../make-workspace.ts";
import type { Mirrors } from "../mirrors.ts";
import { endOrphanedGit, gitForSession } from "../orphaned-git.ts";
import { type GitTree, makeOwnGitDirectory, quotePath } from "../own-git-directory.ts";
import { findCheckout, refuseTakenBranch } from "../plan-workspace.ts";
import { readablePath } from "../porcelain-status.ts";
import { retryLocked } from "../retry-locked.ts";
import { deleteBranchAtBase, tipOf } from "../take-down.ts";
import { branchExists, branchInUse, pathExists, repositoryGone } from "../workspace-errors.ts";
import { type WorkspaceMark, writeMark } from "../workspace-mark.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { digestOfIndex, digestOfListing, listIndex, writeFollowed } from "./followed-state.ts";
import { hideGitlinks } from "./hide-gitlinks.ts";
import { privatePlaces } from "./private-places.ts";
import { readIdentity } from "./read-identity.ts";
import { takeDownPrivate } from "./take-down-private.ts";
import { writeInside, writeOutside } from "./write-git-directories.ts";
import { writeGitFile } from "./write-git-file.ts";

interface PrivateCall extends MakeCall {
  readonly mirrors: Mirrors;
  readonly onProgress?: OnCreationProgress | undefined;
}

/** Makes a private workspace or leaves nothing of it. What an earlier call left half-made is made anew. */
export async function makePrivate(given: WorkspaceTools, call: PrivateCall): Promise<WorkspaceCreation> {
  const { request, record, claims, mirrors, signal } = call;
  const { sessionId, name } = request;
  const tools = { ...given, git: gitForSession(given, sessionId) };
  const { fileSystem } = tools;
  const before = await claims.get(sessionId);
  if (before?.phase === "made" && (await fileSystem.kindOf(record.path)) === "directory")
    return { copied: (before.included ?? []).map(({ path }) => readablePath(path)), notices: [] };
  if (before === undefined) await refuseForeign(tools, call);
  signal?.throwIfAborted();
  const mark: WorkspaceMark = { instanceId: tools.instanceId, sessionId, name, record };
  try {
    await claims.put({ ...mark, phase: "making" });
    if (before !== undefined) {
      await endOrphanedGit(tools, sessionId);
      await takeDownPrivate(tools, record);
    }
    const { carried, included } = await build(tools, { ...call, mark, isAgain: before !== undefined });
    signal?.throwIfAborted();
    const files = included.files.length === 0 ? {} : { included: included.files };
    await claims.put({ ...mark, carried, ...files, phase: "made" });
    return { copied: included.copied, notices: included.notices };
  } catch (error) {
    await rollBack(tools, call, error);
    await mirrors.release(sessionId).catch((failure: unknown) => {
      tools.logger.warn({ sessionId, error: String(failure) }, "what the session borrowed stays until the next look");
    });
    throw error;
  }
}

async function refuseForeign(tools: WorkspaceTools, { request, record, claims }: PrivateCall): Promise<void> {
  const { sessionId, name } = request;
  if ((await tools.fileSystem.kindOf(record.commonDirectory)) === "absent") throw repositoryGone(record);
  const { directory } = privatePlaces(record);
  for (const path of [record.path, directory])
    if ((await tools.fileSystem.kindOf(path)) !== "absent") throw pathExists(path, name);
  if (!record.isOwnBranch) {
    const place = await findCheckout(tools, record);
    if (place !== undefined) throw branchInUse(record.branch, place);
    await refuseTakenBranch(claims, { sessionId, commonDirectory: record.commonDirectory, branch: record.branch });
    return;
  }
  const found = await lookUpBranch(tools, record.commonDirectory, record.branch);
  if (found.state !== "free") throw branchExists(record.branch, found.state === "blocked" ? found.by : undefined);
}

interface BuildCall extends PrivateCall {
  readonly mark: WorkspaceMark;
  /** True when an earlier call may have made a part. */
  readonly isAgain: boolean;
}

/** What was begun early is used; when it is not after all, nobody goes on writing what is then taken down. */
async function build(tools: WorkspaceTools, call: BuildCall): Promise<Filled> {
  const { request, record, drafts, signal } = call;
  await using draft = await drafts.take(request.sessionId, record);
  const onAbort = (): void => draft?.cancel(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    return await buildWith(tools, draft, call);
  } catch (error) {
    draft?.cancel(error);
    await draft?.written.catch(() => undefined);
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function buildWith(tools: WorkspaceTools, draft: DraftCheckout | undefined, call: BuildCall): Promise<Filled> {
  const { request, record, mirrors, settings, mark, signal, onProgress } = call;
  const { fileSystem } = tools;
  const { commonDirectory, base, branch } = record;
  const borrowing = { sessionId: request.sessionId, commonDirectory, commits: [base] };
  const isPrivate = record.kind === "private";
  const [{ directory: generation }, identity] = await allSettled([
    mirrors.borrow(borrowing, { signal, onProgress }),
    isPrivate ? readIdentity(tools, record, signal) : Promise.resolve([]),
  ]);
  const outside = await writeOutside(tools, { record, generation });
  await fileSystem.makeDirectory(record.path);
  await writeGitFile(tools, record);
  const isAdopted = draft !== undefined && (await draft.adopt(Promise.resolve(outside)));
  if (!isAdopted) await checkOut(tools, outside, signal);
  const filled = await fill(tools, call, outside);
  if (request.withChanges || request.checkpoint !== undefined) await bringStaged(tools, { outside, record, signal });
  if (isPrivate) await writeInside(tools, { record, generation, identity });
  const [index] = await allSettled([
    settleIndex(tools, outside, call),
    record.isOwnBranch ? makeBranch(tools, record, call) : Promise.resolve(),
  ]);
  await writeFollowed(tools, record, [{ branch, commit: base, index }]);
  const { directory } = privatePlaces(record);
  await writeMark(fileSystem, directory, mark);
  const places = [directory, dirname(directory), record.path, dirname(record.path)];
  await allSettled(places.map((path) => fileSystem.sync(path)));
  await settings.read(signal);
  return filled;
}

/** Digest of the index, gitlinks hidden. */
async function settleIndex(tools: WorkspaceTools, outside: GitTree, { record, signal }: BuildCall): Promise<string> {
  const listed = await listIndex(tools, record, { signal });
  if (!/(?:^|\0)\S 160000 /u.test(listed.toString("latin1"))) return digestOfListing(listed);
  await hideGitlinks(tools, outside, { signal });
  return digestOfIndex(tools, record, { signal });
}

/** The objects of what was carried over as staged are the repository's; the session gets them in a pack of its own. */
async function bringStaged(
  tools: WorkspaceTools,
  call: { readonly outside: GitTree; readonly record: WorkspaceRecord; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const { outside, record, signal } = call;
  await using own = await makeOwnGitDirectory(tools, outside, { use: "user" });
  const options = { cwd: outside.workTree, environment: own.environment, signal };
  const args = ["diff-index", "--cached", "--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=all", "-z"];
  const { stdout } = await tools.git.inspect([...args, outside.head, "--"], options);
  const blobs = stdout.split("\0").flatMap((line) => {
    const [, mode = "", , object = ""] = line.startsWith(":") ? line.split(" ") : [];
    return object === "" || mode === "160000" || /^0+$/u.test(object) ? [] : [object];
  });
  if (blobs.length === 0) return;
  const objects = join(outside.gitDirectory, "objects");
  await tools.git.inspect(["pack-objects", "--quiet", "--window=0", "--", join(objects, "pack", "pack")], {
    cwd: "/",
    environment: {
      GIT_DIR: outside.gitDirectory,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(join(record.commonDirectory, "objects")),
    },
    input: `${[...new Set(blobs)].join("\n")}\n`,
    signal,
  });
}

async function makeBranch(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { isAgain, signal }: Pick<BuildCall, "isAgain" | "signal">,
): Promise<void> {
  const { git } = tools;
  const { commonDirectory, branch, base } = record;
  if (isAgain && (await tipOf(tools, record, signal)) === base) return;
  // The empty old value: only if nobody has made it meanwhile.
  const args = [`--git-dir=${commonDirectory}`, "update-ref", `refs/heads/${branch}`, base, ""];
  try {
    await retryLocked(() => git.act(args, { cwd: commonDirectory }));
  } catch (error) {
    const { exitCode } = await git.inspect(
      [`--git-dir=${commonDirectory}`, "rev-parse", "--verify", "--quiet", `refs/heads/${branch}`],
      { accepts: [0, 1] },
    );
    throw exitCode === 0 ? branchExists(branch) : error;
  }
}

async function rollBack(tools: WorkspaceTools, { request, record, claims }: MakeCall, reason: unknown): Promise<void> {
  try {
    await takeDownPrivate(tools, record);
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
