import { existsSync } from "node:fs";

import { silentLogger, StoreError, type Logger } from "@clauderon/core/contract";
import Database from "better-sqlite3";

import { createDatabaseFile } from "./create-database-file.ts";
import { mapSqliteError } from "./map-sqlite-error.ts";
import { migrate, type Migration } from "./migrate.ts";
import { readMigrations } from "./read-migrations.ts";
import { verifyDatabaseFile } from "./verify-database-file.ts";

/** How long a transaction waits for another process's; it holds the event loop meanwhile. */
const BUSY_TIMEOUT_MS = 2_000;

/** Opens the database, making it when there is none and bringing its schema up to date. A file that is not sound is never written to. */
export function openDatabase(path: string, logger: Logger = silentLogger): Database.Database {
  try {
    const migrations = readMigrations();
    if (!existsSync(path)) createDatabaseFile(path, migrations);
    const version = verifyDatabaseFile(path, migrations.length);
    return openSound(path, { migrations, version, logger });
  } catch (error) {
    throw mapSqliteError(error, path);
  }
}

interface Opening {
  readonly migrations: readonly Migration[];
  readonly version: number;
  readonly logger: Logger;
}

function openSound(path: string, opening: Opening): Database.Database {
  const { migrations, version, logger } = opening;
  const database = new Database(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    setPragmas(database);
    if (version < migrations.length) {
      migrate(database, migrations);
      logger.info({ path, from: version, to: migrations.length }, "store schema brought up to date");
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A commit is on the disk when it returns: WAL alone would only sync at checkpoints. */
function setPragmas(database: Database.Database): void {
  const mode = database.pragma("journal_mode = WAL", { simple: true });
  if (mode !== "wal") {
    throw new StoreError({
      message: `The file system of ${database.name} cannot hold a database with a write-ahead log`,
      why: `SQLite stays in the journal mode "${String(mode)}"`,
      fix: ["set CLAUDERON_HOME to a directory on a local disk"],
      context: { path: database.name },
    });
  }
  database.pragma("synchronous = FULL");
  database.pragma("foreign_keys = ON");
}
