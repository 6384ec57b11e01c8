import type { Database } from "better-sqlite3";

/** One step of the schema. The database's `user_version` counts the steps it has. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** Marks a database as ours (`application_id`): "clau". */
export const APPLICATION_ID = 0x63_6c_61_75;

/** Runs the steps the database lacks, each in a transaction with its number. Safe beside another process doing the same. */
export function migrate(database: Database, migrations: readonly Migration[]): void {
  const step = database.transaction((): boolean => {
    const version = Number(database.pragma("user_version", { simple: true }));
    const migration = migrations[version];
    if (migration === undefined) return false;
    database.exec(migration.sql);
    database.pragma(`user_version = ${version + 1}`);
    database.pragma(`application_id = ${APPLICATION_ID}`);
    return true;
  });
  while (step.immediate());
}
