import { join } from "node:path";

import type { WorkspaceCheckpoint } from "@clauderon/core/contract";

import type { FileChange, ResultPlaces } from "../results/result-record.ts";
import { fileNameOf } from "../workspace-claims.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

/** The layout of a record and of what its commit holds; another one is of another version of the product. */
const VERSION = 1;

/** What `<id>.json` says; on the disk once everything that the checkpoint holds is. */
export interface CheckpointRecord extends Omit<WorkspaceCheckpoint, "sessionId"> {
  readonly version: typeof VERSION;
  /** Holds all of it: `tree`, `index`, `state`, `manifest`, `scrollback`. */
  readonly commit: string;
}

/** What `manifest` in the commit says besides. Paths are bytes, held one per character (`latin1`). */
export interface CheckpointManifest {
  /** Permissions that differ from those that git would give: 0644, 0755. */
  readonly modes: Readonly<Record<string, number>>;
  /** Of directories that hold captured files, and empty ones; 0755 where nothing is said. */
  readonly directories: Readonly<Record<string, number>>;
  /** What HEAD names: a branch in full, or nothing when detached. */
  readonly headRef?: string | undefined;
  /** When the index was written, in whole seconds: what was written at the same time is looked at again. */
  readonly indexSeconds: number;
}

/** Where the checkpoints of a session lie. */
export interface CheckpointPlaces {
  readonly directory: string;
  /** A git directory of ours: objects alone. */
  readonly store: string;
  /** What is known of the files since the last time, so that only changed ones are read. */
  readonly known: string;
  /** Says what a restoration is about, while it is under way. */
  readonly restoring: string;
  /** What a restoration puts in place and has replaced. */
  readonly journal: Omit<ResultPlaces, "record"> & {
    /** Index and operations in progress, as they were and as they are to be. */
    readonly stateBefore: string;
    readonly stateAfter: string;
  };
  /** Checkpoints that are being made or given up, by id. */
  readonly released: string;
  readonly records: string;
}

export function checkpointsDirectory({ homeDirectory }: Pick<WorkspaceTools, "homeDirectory">): string {
  return join(homeDirectory, "checkpoints");
}

export function checkpointPlaces(tools: Pick<WorkspaceTools, "homeDirectory">, sessionId: string): CheckpointPlaces {
  const directory = join(checkpointsDirectory(tools), fileNameOf(sessionId));
  const store = join(directory, "store");
  return {
    directory,
    store,
    known: join(store, "known-files"),
    restoring: join(directory, "restoring.json"),
    journal: {
      directory: join(directory, "journal"),
      before: join(directory, "journal", "before"),
      after: join(directory, "journal", "after", "tree"),
      taken: join(directory, "journal", "taken"),
      stateBefore: join(directory, "journal", "state-before"),
      stateAfter: join(directory, "journal", "after"),
    },
    released: join(directory, "released"),
    records: join(directory, "records"),
  };
}

/** Keeps what the checkpoint needs of the repository from being collected. */
export function checkpointRef(id: string): string {
  return `refs/clauderon/checkpoints/${fileNameOf(id)}`;
}

export function recordFile(tools: Pick<WorkspaceTools, "homeDirectory">, sessionId: string, id: string): string {
  return join(checkpointPlaces(tools, sessionId).records, `${fileNameOf(id)}.json`);
}

export function formatRecord(record: Omit<CheckpointRecord, "version">): string {
  return JSON.stringify({ version: VERSION, ...record });
}

/** `undefined` for what cannot be read, or is of another version. */
export function parseRecord(text: string | undefined): CheckpointRecord | undefined {
  const value = parseObject(text);
  if (value === undefined) return undefined;
  const texts = ["id", "name", "at", "commit", "repositoryPath", "commonDirectory"];
  if (value["version"] !== VERSION || texts.some((name) => typeof value[name] !== "string")) return undefined;
  if (Number.isNaN(Date.parse(String(value["at"]))) || typeof value["files"] !== "number") return undefined;
  if (!["user", "restore", "merge"].includes(String(value["trigger"])) || !isTexts(value["skipped"])) return undefined;
  if (["commit", "head"].some((name) => value[name] !== undefined && !isHash(value[name]))) return undefined;
  if (["note", "branch"].some((name) => value[name] !== undefined && typeof value[name] !== "string")) return undefined;
  return value as unknown as CheckpointRecord;
}

export function parseManifest(text: string): CheckpointManifest | undefined {
  const value = parseObject(text);
  if (value === undefined || !isModes(value["modes"]) || !isModes(value["directories"])) return undefined;
  const { modes, directories, headRef, indexSeconds } = value;
  if (typeof indexSeconds !== "number") return undefined;
  if (headRef !== undefined && (typeof headRef !== "string" || !headRef.startsWith("refs/heads/"))) return undefined;
  return { modes, directories, headRef, indexSeconds };
}

/** What `restoring.json` says. */
export interface RestoreNote {
  /** Of the checkpoints. */
  readonly before: string;
  readonly target: string;
  /** `begun` until all files are in their places, `placed` until index, state and HEAD are, too; `done` stays until the next. */
  readonly phase: "begun" | "placed" | "done";
  readonly notices?: readonly string[] | undefined;
  readonly workTree: string;
  readonly gitDirectory: string;
  readonly commonDirectory: string;
  /** Branch of the session; short name. */
  readonly branch: string;
  readonly changes: readonly FileChange[];
  readonly made: readonly string[];
}

export function parseRestoreNote(text: string | undefined): RestoreNote | undefined {
  const value = parseObject(text);
  if (value === undefined) return undefined;
  const texts = ["before", "target", "workTree", "gitDirectory", "commonDirectory", "branch"];
  if (!Array.isArray(value["changes"]) || !Array.isArray(value["made"])) return undefined;
  if (texts.some((name) => typeof value[name] !== "string")) return undefined;
  if (value["notices"] !== undefined && !isTexts(value["notices"])) return undefined;
  return ["begun", "placed", "done"].includes(String(value["phase"])) ? (value as unknown as RestoreNote) : undefined;
}

function parseObject(text: string | undefined): Partial<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    // Cut short or written over: the callers say that it cannot be read.
    return undefined;
  }
}

function isModes(value: unknown): value is Readonly<Record<string, number>> {
  return typeof value === "object" && value !== null && Object.values(value).every((mode) => Number.isInteger(mode));
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function isHash(value: unknown): boolean {
  return typeof value === "string" && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u.test(value);
}
