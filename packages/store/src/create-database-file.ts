import { randomUUID } from "node:crypto";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { StoreError } from "@clauderon/core/contract";
import Database from "better-sqlite3";

import { migrate, type Migration } from "./migrate.ts";

/**
 * Makes a database that has its whole schema before it has its name: a crash in the middle leaves no file that would look like an emptied store.
 * When another process makes one at the same time, the first stays.
 */
export function createDatabaseFile(path: string, migrations: readonly Migration[]): void {
  refuseStrayLog(path);
  const draft = `${path}.new-${randomUUID()}`;
  try {
    closeSync(openSync(draft, "wx", 0o600));
    const database = new Database(draft);
    try {
      migrate(database, migrations);
      database.pragma("journal_mode = WAL");
    } finally {
      database.close();
    }
    sync(draft);
    giveName(draft, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  sync(dirname(path));
}

/** A link never replaces what is there; a few file systems have none. */
function giveName(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (existsSync(path)) throw error;
    renameSync(draft, path);
  }
}

/** A write-ahead log without its database: the database was lost, and the log holds part of it. */
function refuseStrayLog(path: string): void {
  const log = `${path}-wal`;
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  throw new StoreError({
    code: "store.corrupt",
    message: `The session store ${path} is missing`,
    why: `its log ${log} is still there, so it was removed or moved`,
    fix: [`put ${path} back beside ${log}`, `start without the recorded sessions: mv ${log} ${path}.damaged-wal`],
    context: { path },
  });
}

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
