import { join } from "node:path";

import type { WorkspaceResult } from "@clauderon/core/contract";

import { fileNameOf } from "../workspace-claims.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

/** The layout of a record; another one is of another version of the product. */
const VERSION = 1;

/** What a tree or an index says of a path. */
export interface TreeEntry {
  readonly mode: string;
  readonly hash: string;
}

/** One path that differs. Paths are bytes, held one per character (`latin1`). */
export interface FileChange {
  readonly path: string;
  readonly before?: TreeEntry | undefined;
  readonly after?: TreeEntry | undefined;
  /** Of the file that is put there; absent where none is. */
  readonly face?: string | undefined;
}

/** A directory of the user's, empty or emptied. */
export interface ClearedDirectory {
  readonly path: string;
  /** Its permissions. */
  readonly mode: number;
}

/** The user's working tree. */
export interface Checkout {
  readonly workTree: string;
  readonly gitDirectory: string;
}

/** What `record.json` says; on the disk before anything of the user's changes. */
export interface ResultRecord {
  readonly version: typeof VERSION;
  /** `begun` until everything has changed, `done` then, `undoing` while it is taken back. */
  readonly phase: "begun" | "done" | "undoing";
  readonly id: string;
  readonly name: string;
  readonly at: string;
  readonly session: unknown;
  readonly repositoryPath: string;
  readonly commonDirectory: string;
  readonly result: WorkspaceResult;
  /** The branch that moves; full name. */
  readonly ref?: { readonly name: string; readonly before: string; readonly after: string } | undefined;
  /** Whose files change. */
  readonly checkout?: Checkout | undefined;
  readonly changes: readonly FileChange[];
  /** Directories that are made for it, parents first. */
  readonly made: readonly string[];
  /** Directories that may go for it, parents first. */
  readonly cleared: readonly ClearedDirectory[];
}

/** Where the parts of a record lie. */
export interface ResultPlaces {
  readonly directory: string;
  readonly record: string;
  /** What was in the user's working tree, numbered as `changes`. */
  readonly before: string;
  /** What is to be put there, by path. */
  readonly after: string;
  /** What was taken away from there again, numbered. */
  readonly taken: string;
}

export function resultsDirectory({ homeDirectory }: Pick<WorkspaceTools, "homeDirectory">): string {
  return join(homeDirectory, "undo", "results");
}

export function resultPlaces(tools: Pick<WorkspaceTools, "homeDirectory">, id: string): ResultPlaces {
  const directory = join(resultsDirectory(tools), fileNameOf(id));
  return {
    directory,
    record: join(directory, "record.json"),
    before: join(directory, "before"),
    after: join(directory, "after"),
    taken: join(directory, "taken"),
  };
}

export async function writeRecord(tools: WorkspaceTools, record: Omit<ResultRecord, "version">): Promise<void> {
  const { fileSystem } = tools;
  await fileSystem.replaceDurably(
    resultPlaces(tools, record.id).record,
    JSON.stringify({ ...record, version: VERSION }),
  );
}

/** `undefined` when there is none; `damaged` for one that cannot be read or is of another version. */
export async function readRecord(tools: WorkspaceTools, id: string): Promise<ResultRecord | "damaged" | undefined> {
  const text = await tools.fileSystem.readText(resultPlaces(tools, id).record);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && value.id === id ? value : "damaged";
  } catch {
    // Cut short or written over: the callers say that it cannot be read.
    return "damaged";
  }
}

function isRecord(value: unknown): value is ResultRecord {
  if (typeof value !== "object" || value === null) return false;
  const fields: Partial<Record<string, unknown>> = { ...value };
  const texts = ["id", "name", "at", "repositoryPath", "commonDirectory"];
  if (fields["version"] !== VERSION || texts.some((name) => typeof fields[name] !== "string")) return false;
  if (!["begun", "done", "undoing"].includes(String(fields["phase"])) || !isResult(fields["result"])) return false;
  if (Number.isNaN(Date.parse(String(fields["at"])))) return false;
  const { ref, checkout, changes, made, cleared } = fields;
  if (ref !== undefined && !hasTexts(ref, ["name", "before", "after"])) return false;
  if (checkout !== undefined && !hasTexts(checkout, ["workTree", "gitDirectory"])) return false;
  if (!Array.isArray(made) || made.some((path) => !isInside(path))) return false;
  if (!Array.isArray(cleared) || !cleared.every(isCleared)) return false;
  return Array.isArray(changes) && changes.every((change) => hasTexts(change, ["path"]) && isInside(change["path"]));
}

function isResult(value: unknown): boolean {
  if (!hasTexts(value, ["kind", "how"])) return false;
  return (value["kind"] === "merge" || value["kind"] === "apply") && Array.isArray(value["files"]);
}

function hasTexts(value: unknown, names: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const fields: Partial<Record<string, unknown>> = { ...value };
  return names.every((name) => typeof fields[name] === "string");
}

function isCleared(value: unknown): boolean {
  return hasTexts(value, ["path"]) && isInside(value["path"]) && Number.isInteger(value["mode"]);
}

/** A path of a git tree, relative and without steps upwards. */
function isInside(path: unknown): path is string {
  return typeof path === "string" && path.split("/").every((part) => !["", ".", ".."].includes(part));
}
