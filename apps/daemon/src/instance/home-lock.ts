import { join } from "node:path";

import Database from "better-sqlite3";

/** Held until the process ends, however it ends: the kernel frees it. */
export interface HomeLock {
  release(): void;
}

const GIVE_WAY_MS = 50;

/**
 * The lock of a home, or `undefined` when another process holds it. What is locked is a file's byte range that belongs to the process, not what
 * the file says: neither a stale nor a reused process id can be mistaken for a holder.
 */
export function tryHomeLock(homeDirectory: string): HomeLock | undefined {
  const database = new Database(join(homeDirectory, "daemon.lock"), { timeout: GIVE_WAY_MS });
  try {
    database.pragma("locking_mode = EXCLUSIVE");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY")) return undefined;
    throw error;
  }
  return { release: () => void database.close() };
}
