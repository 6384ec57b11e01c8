import type { Logger, SessionStore } from "@clauderon/core/contract";

import { openDatabase } from "./open-database.ts";
import { SqliteStore } from "./sqlite-store.ts";

export interface SqliteStoreOptions {
  /** Absolute path of the database file; its directory exists. */
  readonly path: string;
  readonly logger?: Logger | undefined;
}

/**
 * Opens the store, making it (0600) when there is none. Rejects with `store.newer-schema`, `store.corrupt`, `store.full` or `store.failed`; a file
 * that cannot be used is left as it is.
 */
export async function createSqliteStore(options: SqliteStoreOptions): Promise<SessionStore> {
  return new SqliteStore(openDatabase(options.path, options.logger));
}
