import { join } from "node:path";

import type { WorkspaceRecord, WorkspaceRestoreRequest } from "@clauderon/core/contract";

import { lookUpBranch } from "./branch-lookup.ts";
import { findCheckout } from "./plan-workspace.ts";
import { tipOf } from "./take-down.ts";
import {
  undoBranchMoved,
  undoDamaged,
  undoForeignRepository,
  undoHoldsSubmodules,
  undoNotFound,
  undoPlaceTaken,
  undoRepositoryGone,
} from "./undo-errors.ts";
import { parseManifest, type RecordedRef, type UndoManifest, type UndoPlaces, undoPlaces } from "./undo-record.ts";
import { branchExists, branchInUse } from "./workspace-errors.ts";
import { validateWorkspaceName } from "./workspace-name.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

export interface RestorePlan {
  readonly places: UndoPlaces;
  readonly manifest: UndoManifest;
  /** Name of the entry in the record. */
  readonly entry: string;
  /** Where everything comes to lie. */
  readonly record: WorkspaceRecord;
  /** Branches that are gone and are made again; the index is that of the branch's log in the record. */
  readonly missing: readonly (RecordedRef & { readonly index: number })[];
}

/** Looks at everything that is needed to put a workspace back, and changes nothing. */
export async function planRestore(
  tools: WorkspaceTools,
  id: string,
  request: WorkspaceRestoreRequest,
): Promise<RestorePlan> {
  const { fileSystem } = tools;
  const places = undoPlaces(tools, id);
  const manifest = await readManifest(tools, id);
  const { entry, claim } = manifest;
  if ((await fileSystem.kindOf(places.tree)) !== "directory")
    throw undoDamaged(id, "its files are not there any more", places.directory);
  if (entry === undefined)
    throw undoDamaged(id, "its repository knew nothing of the worktree any more when it was deleted", places.tree);
  if ((await fileSystem.kindOf(join(places.entry, entry))) !== "directory")
    throw undoDamaged(id, "its index and state in the repository are not there any more", places.tree);
  const record = await targetOf(tools, manifest, request);
  if ((await fileSystem.kindOf(record.commonDirectory)) !== "directory")
    throw undoRepositoryGone(id, record.repositoryPath, places.tree);
  if ((await fileSystem.kindOf(record.path)) !== "absent") throw undoPlaceTaken(id, record.path, places.tree);
  if (record.privateDirectory !== undefined && (await fileSystem.kindOf(record.privateDirectory)) !== "absent")
    throw undoPlaceTaken(id, record.privateDirectory, places.tree);
  const isMoved = record.path !== claim.record.path || record.commonDirectory !== claim.record.commonDirectory;
  if (isMoved && (await fileSystem.names(join(places.entry, entry, "modules"))).length > 0)
    throw undoHoldsSubmodules(id, places.tree);
  await requireObjects(tools, { manifest, record, id, tree: places.tree });
  const missing = await missingRefs(tools, { manifest, record, id });
  return { places, manifest, entry, record, missing };
}

async function readManifest(tools: WorkspaceTools, id: string): Promise<UndoManifest> {
  const places = undoPlaces(tools, id);
  const text = await tools.fileSystem.readText(places.manifest);
  const manifest = parseManifest(text);
  if (manifest !== undefined) return manifest;
  if (text === undefined && (await tools.fileSystem.kindOf(places.tree)) === "absent") throw undoNotFound(id);
  throw undoDamaged(id, `${places.manifest} cannot be read, or is of another version of clauderon`, places.tree);
}

/** Under its own name it goes to exactly where it was. */
async function targetOf(
  { fileSystem, homeDirectory }: WorkspaceTools,
  { claim }: UndoManifest,
  { name, repository }: WorkspaceRestoreRequest,
): Promise<WorkspaceRecord> {
  validateWorkspaceName(name);
  const worktrees = join(homeDirectory, "worktrees");
  await fileSystem.makeDirectory(worktrees);
  return {
    ...claim.record,
    path: name === claim.name ? claim.record.path : join(await fileSystem.realPath(worktrees), name),
    ...(repository === undefined
      ? {}
      : { repositoryPath: repository.path, commonDirectory: repository.commonDirectory }),
  };
}

interface Candidate {
  readonly manifest: UndoManifest;
  readonly record: WorkspaceRecord;
  readonly id: string;
}

async function requireObjects(
  { git }: WorkspaceTools,
  { manifest, record, id, tree }: Candidate & { readonly tree: string },
): Promise<void> {
  const names = [...manifest.refs.map(({ commit }) => commit), ...(manifest.head === undefined ? [] : [manifest.head])];
  if (names.length === 0) return;
  const { stdout } = await git.inspect(
    [`--git-dir=${record.commonDirectory}`, "cat-file", "--batch-check=%(objecttype)"],
    { input: `${names.join("\n")}\n` },
  );
  const types = stdout.split("\n").slice(0, names.length);
  if (types.some((type) => type !== "commit")) throw undoForeignRepository(id, record.repositoryPath, tree);
}

async function missingRefs(
  tools: WorkspaceTools,
  { manifest, record, id }: Candidate,
): Promise<RestorePlan["missing"]> {
  const missing: (RecordedRef & { readonly index: number })[] = [];
  for (const [index, { name, commit }] of manifest.refs.entries()) {
    const branch = name.slice("refs/heads/".length);
    const tip = await tipOf(tools, { ...record, branch });
    if (tip !== undefined && tip !== commit) throw undoBranchMoved(branch, { id, commit });
    if (tip !== undefined) continue;
    const found = await lookUpBranch(tools, record.commonDirectory, branch);
    if (found.state === "blocked") throw branchExists(branch, found.by);
    missing.push({ name, commit, index });
  }
  if (manifest.headBranch !== undefined) {
    const branch = manifest.headBranch.slice("refs/heads/".length);
    const place = await findCheckout(tools, { commonDirectory: record.commonDirectory, branch });
    if (place !== undefined) throw branchInUse(branch, place);
    // Without commits when it was deleted; whoever has the name now would be taken for it.
    const isUnborn = manifest.refs.every(({ name }) => name !== manifest.headBranch);
    const tip = isUnborn ? await tipOf(tools, { ...record, branch }) : undefined;
    if (tip !== undefined) throw undoBranchMoved(branch, { id, commit: manifest.head ?? tip });
  }
  return missing;
}
