import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { IncludedFile } from "./copy-included.ts";
import type { WorkspaceFileSystem } from "./workspace-file-system.ts";

/** Lies in the worktree's entry in the shared git directory: this worktree is a session's. */
export interface WorkspaceMark {
  readonly instanceId: string;
  readonly sessionId: string;
  readonly name: string;
  readonly record: WorkspaceRecord;
  /** Digest of what was carried over from the user's checkout; absent when nothing was. */
  readonly carried?: string | undefined;
  /** Files that were copied from there by name. */
  readonly included?: readonly IncludedFile[] | undefined;
}

/**
 * Lies in the home, on the disk before anything else of a workspace is made and until everything is gone: whatever is found at the record's places
 * is ours to finish or to take back.
 */
export interface WorkspaceClaim extends WorkspaceMark {
  /** `made` once the workspace is whole. */
  readonly phase: "making" | "made";
}

const MARK = "clauderon.json";

export async function readMark(
  fileSystem: WorkspaceFileSystem,
  entryDirectory: string,
): Promise<WorkspaceMark | undefined> {
  return parseMark(await fileSystem.readText(join(entryDirectory, MARK)));
}

export async function writeMark(
  fileSystem: WorkspaceFileSystem,
  entryDirectory: string,
  mark: WorkspaceMark,
): Promise<void> {
  await fileSystem.writeText(join(entryDirectory, MARK), JSON.stringify(mark));
}

export async function removeMark(fileSystem: WorkspaceFileSystem, entryDirectory: string): Promise<void> {
  await fileSystem.remove(join(entryDirectory, MARK));
}

/** The mark in a text, `undefined` when there is none that can be read. */
export function parseMark(text: string | undefined): WorkspaceMark | undefined {
  const value = parseObject(text);
  return value !== undefined && isMark(value) ? value : undefined;
}

export function parseClaim(text: string | undefined): WorkspaceClaim | undefined {
  const value = parseObject(text);
  if (value === undefined || !isMark(value) || !("phase" in value)) return undefined;
  return value.phase === "making" || value.phase === "made" ? { ...value, phase: value.phase } : undefined;
}

function parseObject(text: string | undefined): object | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    // A file cut short by a crash says as much as none: what it stood for is recognised by its claim or its path.
    return undefined;
  }
}

const recordTexts = ["path", "repositoryPath", "commonDirectory", "branch", "base"] as const;

function isMark(value: object): value is WorkspaceMark {
  const mark: Partial<Record<string, unknown>> = { ...value };
  if (
    typeof mark["instanceId"] !== "string" ||
    typeof mark["sessionId"] !== "string" ||
    typeof mark["name"] !== "string"
  )
    return false;
  const record: unknown = mark["record"];
  if (typeof record !== "object" || record === null) return false;
  const fields: Partial<Record<string, unknown>> = { ...record };
  return (
    isIncluded(mark["included"]) &&
    (fields["kind"] === "private" || fields["kind"] === "remote"
      ? typeof fields["privateDirectory"] === "string"
      : fields["kind"] === "worktree" && fields["privateDirectory"] === undefined) &&
    typeof fields["isOwnBranch"] === "boolean" &&
    recordTexts.every((name) => typeof fields[name] === "string")
  );
}

function isIncluded(value: unknown): boolean {
  if (value === undefined) return true;
  return (
    Array.isArray(value) &&
    value.every((file: unknown) => {
      const { path, stamp }: Partial<Record<string, unknown>> = { ...(file as object | null) };
      return typeof path === "string" && typeof stamp === "string";
    })
  );
}
