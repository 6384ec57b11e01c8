import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

import { StoreError } from "@clauderon/core/contract";
import Database from "better-sqlite3";

import { corruptStoreError } from "./corrupt-store-error.ts";
import { APPLICATION_ID } from "./migrate.ts";

const MAGIC = Buffer.from("SQLite format 3\0", "latin1");
const HEADER_BYTES = 100;
/** The whole of a file up to this size is checked (1.3 ms per MiB), of a larger one the sessions alone. */
const WHOLE_CHECK_BYTES = 64 * 1024 * 1024;

/**
 * Reads the file without changing it (a connection that may write would fold the log into a damaged file) and returns its schema version.
 */
export function verifyDatabaseFile(path: string, knownVersion: number): number {
  verifyHeader(path);
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const applicationId = Number(database.pragma("application_id", { simple: true }));
    if (applicationId !== APPLICATION_ID) throw foreignStoreError(path);
    const version = Number(database.pragma("user_version", { simple: true }));
    if (version > knownVersion) throw newerSchemaError(path, { version, knownVersion });
    const check = statSync(path).size > WHOLE_CHECK_BYTES ? "quick_check(sessions)" : "quick_check(1)";
    const verdict = String(database.pragma(check, { simple: true }));
    if (verdict !== "ok") throw corruptStoreError(path, { why: verdict.replaceAll("\n", " ") });
    return version;
  } finally {
    database.close();
  }
}

function verifyHeader(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    const size = fstatSync(descriptor).size;
    if (size < HEADER_BYTES) throw corruptStoreError(path, { why: `it has only ${size} bytes` });
    const header = Buffer.alloc(MAGIC.length);
    readSync(descriptor, header, 0, header.length, 0);
    if (!header.equals(MAGIC)) throw corruptStoreError(path, { why: "it does not begin like a SQLite database" });
  } finally {
    closeSync(descriptor);
  }
}

function foreignStoreError(path: string): StoreError {
  return new StoreError({
    message: `The database ${path} was not made by this program`,
    why: "it carries another application's mark",
    fix: [`move it away: mv ${path} ${path}.old`, "set CLAUDERON_HOME to another directory"],
    context: { path },
  });
}

function newerSchemaError(
  path: string,
  versions: { readonly version: number; readonly knownVersion: number },
): StoreError {
  return new StoreError({
    code: "store.newer-schema",
    message: `The session store ${path} was written by a newer clauderon`,
    why: `it has schema version ${versions.version}; this program knows up to ${versions.knownVersion}`,
    fix: ["update: npm install --global clauderon@latest", "set CLAUDERON_HOME to another directory"],
    context: { path, ...versions },
  });
}
