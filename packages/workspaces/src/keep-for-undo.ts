import { dirname, join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { keepObjects } from "./keep-objects.ts";
import { moveTree } from "./move-tree.ts";
import type { GitTree } from "./own-git-directory.ts";
import { readHead } from "./read-head.ts";
import { tipOf } from "./take-down.ts";
import { undoDamaged } from "./undo-errors.ts";
import {
  formatManifest,
  parseManifest,
  type RecordedRef,
  undoDirectory,
  type UndoPlaces,
  undoPlaces,
} from "./undo-record.ts";
import type { WorkspaceClaim } from "./workspace-mark.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";
import type { WorktreeEntry } from "./worktree-entry.ts";

export interface KeepForUndoCall {
  readonly claim: WorkspaceClaim;
  readonly entry: WorktreeEntry | undefined;
  readonly at: string;
  readonly session: unknown;
  /** Branches that the removal has made. */
  readonly made: readonly RecordedRef[];
  readonly signal?: AbortSignal | undefined;
}

/** True when an earlier removal has begun to move the workspace into its undo record, or has done so. */
export async function isInUndoRecord({ fileSystem, homeDirectory }: WorkspaceTools, id: string): Promise<boolean> {
  const places = undoPlaces({ homeDirectory }, id);
  const manifest = parseManifest(await fileSystem.readText(places.manifest));
  if (manifest === undefined) return false;
  const moved = [places.tree, ...(manifest.entry === undefined ? [] : [join(places.entry, manifest.entry)])];
  const kinds = await Promise.all(moved.map((path) => fileSystem.kindOf(path)));
  return kinds.includes("directory");
}

/** The tree that lies in a record; `undefined` when there is none that git can read. */
export async function recordedTree(tools: WorkspaceTools, id: string): Promise<GitTree | undefined> {
  const places = undoPlaces(tools, id);
  const manifest = parseManifest(await tools.fileSystem.readText(places.manifest));
  if (manifest?.entry === undefined) return undefined;
  const { record } = manifest.claim;
  const head = manifest.head ?? record.base;
  const entry = join(places.entry, manifest.entry);
  if (record.kind !== "worktree") {
    const gitDirectory = join(entry, "outside");
    return { workTree: places.tree, gitDirectory, commonDirectory: gitDirectory, head };
  }
  return { workTree: places.tree, gitDirectory: entry, commonDirectory: record.commonDirectory, head };
}

/** From now on it is the record of this removal. */
export async function renewUndoRecord(
  tools: WorkspaceTools,
  id: string,
  { at, session }: { readonly at: string; readonly session: unknown },
): Promise<void> {
  const { manifest: place } = undoPlaces(tools, id);
  const manifest = parseManifest(await tools.fileSystem.readText(place));
  if (manifest !== undefined)
    await tools.fileSystem.replaceDurably(place, formatManifest({ ...manifest, at, session }));
}

/**
 * Moves worktree and entry into an undo record. What the record says, and the hold on its objects, are on the disk before the first move; a failure
 * moves back what was moved. Idempotent: after a crash in the middle it goes on.
 */
export async function keepForUndo(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: KeepForUndoCall,
): Promise<void> {
  const { fileSystem } = tools;
  const places = undoPlaces(tools, call.claim.sessionId);
  const isBegun = await isInUndoRecord(tools, call.claim.sessionId);
  if (!isBegun) await describe(tools, { record, places, call });
  call.signal?.throwIfAborted();
  const manifest = parseManifest(await fileSystem.readText(places.manifest));
  const entry = manifest?.entry === undefined ? undefined : join(places.entry, manifest.entry);
  const from = call.entry?.directory;
  // The entry first: one whose worktree is away may be pruned by anybody.
  if (entry !== undefined && from !== undefined) await moveTree(tools, from, entry);
  try {
    if ((await fileSystem.kindOf(record.path)) === "directory") await moveTree(tools, record.path, places.tree);
  } catch (error) {
    if (entry !== undefined && from !== undefined) await putBack(tools, entry, from);
    throw error;
  }
  for (const directory of [places.entry, places.directory, dirname(record.path)]) await fileSystem.sync(directory);
}

async function putBack({ fileSystem }: WorkspaceTools, entry: string, place: string): Promise<void> {
  if ((await fileSystem.kindOf(place)) === "absent") await fileSystem.rename(entry, place);
  else await fileSystem.remove(entry);
}

interface Description {
  readonly record: WorkspaceRecord;
  readonly places: UndoPlaces;
  readonly call: KeepForUndoCall;
}

async function describe(tools: WorkspaceTools, { record, places, call }: Description): Promise<void> {
  const { fileSystem } = tools;
  const { entry, claim, at, session, made, signal } = call;
  if ((await fileSystem.kindOf(places.tree)) !== "absent")
    throw undoDamaged(claim.sessionId, "another record of the same id lies there", places.tree);
  await fileSystem.remove(places.directory);
  await fileSystem.makeDirectory(places.entry);
  await fileSystem.makeDirectory(places.logs);
  const isPrivate = record.kind !== "worktree";
  // Of a private one HEAD and its objects are in the record themselves.
  const head = entry === undefined || isPrivate ? undefined : await readHead(tools, entry.directory, signal);
  const refs = await refsOf(tools, record, { headBranch: head?.ref, signal });
  if (entry !== undefined) {
    const commits = [...refs.map(({ commit }) => commit), ...(head?.commit === undefined ? [] : [head.commit])];
    await keepObjects(tools, {
      commonDirectory: record.commonDirectory,
      entry: isPrivate ? undefined : entry.directory,
      commits,
      ref: places.ref,
      signal,
    });
  }
  for (const [index, { name }] of refs.entries()) {
    const log = join(record.commonDirectory, "logs", name);
    if ((await fileSystem.kindOf(log)) !== "file") continue;
    const copy = join(places.logs, String(index));
    await fileSystem.copyEntry(Buffer.from(log), Buffer.from(copy));
    await fileSystem.sync(copy);
  }
  await fileSystem.sync(places.logs);
  const manifest = {
    at,
    session,
    claim,
    refs,
    made,
    entry: entry === undefined ? undefined : entry.directory.slice(dirname(entry.directory).length + 1),
    head: head?.commit,
    headBranch: head?.ref,
  };
  await fileSystem.replaceDurably(places.manifest, formatManifest(manifest));
  await fileSystem.sync(undoDirectory(tools));
  await fileSystem.sync(tools.homeDirectory);
}

async function refsOf(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  of: { readonly headBranch: string | undefined; readonly signal: AbortSignal | undefined },
): Promise<readonly RecordedRef[]> {
  const names = new Set([`refs/heads/${record.branch}`, ...(of.headBranch === undefined ? [] : [of.headBranch])]);
  const refs: RecordedRef[] = [];
  for (const name of names) {
    const commit = await tipOf(tools, { ...record, branch: name.slice("refs/heads/".length) }, of.signal);
    if (commit !== undefined) refs.push({ name, commit });
  }
  return refs;
}
