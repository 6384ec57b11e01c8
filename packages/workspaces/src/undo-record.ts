import { join } from "node:path";

import { fileNameOf } from "./workspace-claims.ts";
import { parseClaim, type WorkspaceClaim } from "./workspace-mark.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** The layout of a record; another one is of another version of the product. */
const VERSION = 1;

/** A branch and the commit it was at. */
export interface RecordedRef {
  /** Full name. */
  readonly name: string;
  readonly commit: string;
}

/** What `record.json` says; it is on the disk before anything of the workspace is touched. */
export interface UndoManifest {
  readonly version: typeof VERSION;
  readonly at: string;
  readonly session: unknown;
  /** As it was: mark, record, digest of what was carried. */
  readonly claim: WorkspaceClaim;
  /** Name of the worktree's entry in the repository; absent when there was none. */
  readonly entry?: string | undefined;
  /** Commit of HEAD; absent on a branch without commits. */
  readonly head?: string | undefined;
  /** Branch of HEAD, full name; absent when detached. */
  readonly headBranch?: string | undefined;
  /** The session's branch and that of HEAD. */
  readonly refs: readonly RecordedRef[];
  /** Branches that the removal makes for commits of a detached HEAD. */
  readonly made: readonly RecordedRef[];
}

/** Where the parts of a record lie. */
export interface UndoPlaces {
  readonly directory: string;
  readonly manifest: string;
  /** The worktree. */
  readonly tree: string;
  /** The parent of its entry in the repository: index, HEAD, operations in progress. */
  readonly entry: string;
  /** Logs of the branches, numbered as `refs`. */
  readonly logs: string;
  /** Says where to, while it is being put back. */
  readonly restoring: string;
  /** Keeps the objects from being collected. */
  readonly ref: string;
}

export function undoDirectory({ homeDirectory }: Pick<WorkspaceTools, "homeDirectory">): string {
  return join(homeDirectory, "undo");
}

export function undoPlaces(tools: Pick<WorkspaceTools, "homeDirectory">, id: string): UndoPlaces {
  const name = fileNameOf(id);
  const directory = join(undoDirectory(tools), name);
  return {
    directory,
    manifest: join(directory, "record.json"),
    tree: join(directory, "tree"),
    entry: join(directory, "entry"),
    logs: join(directory, "logs"),
    restoring: join(directory, "restoring.json"),
    ref: `refs/clauderon/undo/${name}`,
  };
}

export function formatManifest(manifest: Omit<UndoManifest, "version">): string {
  return JSON.stringify({ version: VERSION, ...manifest });
}

/** `undefined` for what cannot be read, or is of another version. */
export function parseManifest(text: string | undefined): UndoManifest | undefined {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Partial<Record<string, unknown>> = { ...value };
  const claim = parseClaim(JSON.stringify(fields["claim"] ?? null));
  const refs = refsOf(fields["refs"]);
  const made = refsOf(fields["made"]);
  const at = fields["at"];
  if (fields["version"] !== VERSION || claim === undefined || refs === undefined || made === undefined)
    return undefined;
  if (typeof at !== "string" || Number.isNaN(Date.parse(at))) return undefined;
  const [entry, head, headBranch] = ["entry", "head", "headBranch"].map((key) => {
    const text = fields[key];
    return typeof text === "string" ? text : undefined;
  });
  if (entry !== undefined && !/^(?!\.{1,2}$)[^/\0]+$/u.test(entry)) return undefined;
  return { version: VERSION, at, session: fields["session"], claim, refs, made, entry, head, headBranch };
}

/** Where a restoration was about to put things. */
export interface RestoreNote {
  readonly sessionId: string;
  readonly path: string;
  /** Absolute. */
  readonly entry: string;
  readonly commonDirectory: string;
  /** Branches that it makes. */
  readonly refs: readonly RecordedRef[];
}

export function parseRestoreNote(text: string | undefined): RestoreNote | undefined {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { sessionId, path, entry, commonDirectory, refs: given }: Partial<Record<string, unknown>> = { ...value };
  const refs = refsOf(given);
  if (typeof sessionId !== "string" || typeof path !== "string" || typeof entry !== "string") return undefined;
  if (typeof commonDirectory !== "string" || refs === undefined) return undefined;
  return { sessionId, path, entry, commonDirectory, refs };
}

function refsOf(value: unknown): readonly RecordedRef[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const refs: RecordedRef[] = [];
  for (const item of value) {
    const { name, commit }: Partial<Record<string, unknown>> = { ...(item as object | null) };
    if (typeof name !== "string" || !name.startsWith("refs/heads/") || typeof commit !== "string") return undefined;
    if (!/^[0-9a-f]{40,64}$/u.test(commit)) return undefined;
    refs.push({ name, commit });
  }
  return refs;
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Cut short or written over: the callers say that the record cannot be read.
    return undefined;
  }
}
