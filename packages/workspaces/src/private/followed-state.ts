import { createHash } from "node:crypto";
import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { WorkspaceTools } from "../workspace-tools.ts";
import { privatePlaces } from "./private-places.ts";

/** What the daemon has put into HEAD and the index of its git directory; where they differ, the user has worked there. */
export interface FollowedState {
  /** Short name; absent when detached. */
  readonly branch?: string | undefined;
  /** Empty on a branch without commits. */
  readonly commit: string;
  /** Digest of the index's entries. */
  readonly index: string;
}

/** As last left; after a crash between the two, what was about to be put there besides. */
export type FollowedStates = readonly [] | readonly [FollowedState] | readonly [FollowedState, FollowedState];

const NAME = "clauderon-followed.json";

export async function readFollowed({ fileSystem }: WorkspaceTools, record: WorkspaceRecord): Promise<FollowedStates> {
  const text = await fileSystem.readText(join(privatePlaces(record).outside, NAME));
  if (text === undefined) return [];
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return [];
    const [first, second]: readonly unknown[] = value;
    if (!isState(first)) return [];
    return isState(second) ? [first, second] : [first];
  } catch {
    // Damaged by a disk: as if the user had changed everything, so that nothing is overwritten.
    return [];
  }
}

export async function writeFollowed(
  { fileSystem }: WorkspaceTools,
  record: WorkspaceRecord,
  states: FollowedStates,
): Promise<void> {
  await fileSystem.replaceDurably(join(privatePlaces(record).outside, NAME), JSON.stringify(states));
}

interface IndexOptions {
  readonly file?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Of names, contents, stages and flags: times and sizes, which `git status` renews, do not count. */
export async function digestOfIndex(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  options: IndexOptions,
): Promise<string> {
  return digestOfListing(await listIndex(tools, record, options));
}

export function digestOfListing(listing: Buffer): string {
  return createHash("sha256").update(listing).digest("hex");
}

export async function listIndex(
  { git }: WorkspaceTools,
  record: WorkspaceRecord,
  { file, signal }: IndexOptions,
): Promise<Buffer> {
  const environment = {
    GIT_DIR: privatePlaces(record).outside,
    GIT_WORK_TREE: record.path,
    ...(file === undefined ? {} : { GIT_INDEX_FILE: file }),
  };
  const call = { cwd: record.path, environment, signal };
  return git.inspectBytes(["ls-files", "--stage", "-t", "-z"], call);
}

function isState(value: unknown): value is FollowedState {
  if (typeof value !== "object" || value === null) return false;
  const { branch, commit, index }: Partial<Record<string, unknown>> = { ...value };
  return (
    typeof commit === "string" && typeof index === "string" && (branch === undefined || typeof branch === "string")
  );
}
