import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

import { processStartTime } from "@clauderon/core/host/processes";

import { isErrorCode } from "./host-error-code.ts";

/**
 * Takes a lock that is held until its file is removed or the process ends. False when a living process has it. The lock of a dead one is
 * moved away by renaming, which only one of several can do, and put back when it turns out to be a new one.
 */
export function takeHostLock(path: string): boolean {
  const own = `${process.pid} ${processStartTime(process.pid) ?? ""}`;
  const temporary = `${path}.${process.pid}.${randomUUID()}`;
  writeFileSync(temporary, own, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      if (tryLink(temporary, path)) return true;
      const holder = readOrUndefined(path);
      if (holder === undefined) continue;
      if (isHolderAlive(holder)) return false;
      breakLock(path, holder);
    }
    return false;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** The process that holds the lock, alive or not. */
export function hostLockHolder(path: string): { readonly processId: number; readonly isAlive: boolean } | undefined {
  const holder = readOrUndefined(path);
  if (holder === undefined) return undefined;
  return { processId: Number(holder.split(" ")[0]), isAlive: isHolderAlive(holder) };
}

function breakLock(path: string, holder: string): void {
  const moved = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, moved);
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return;
    throw error;
  }
  if (readOrUndefined(moved) !== holder) tryLink(moved, path);
  rmSync(moved, { force: true });
}

function isHolderAlive(holder: string): boolean {
  const [processId, startTime] = holder.split(" ");
  const found = processStartTime(Number(processId));
  return found !== undefined && (startTime === "" || found === startTime);
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (isErrorCode(error, "EEXIST")) return false;
    throw error;
  }
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
