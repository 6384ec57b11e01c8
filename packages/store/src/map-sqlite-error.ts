import { ClauderonError, StoreError } from "@clauderon/core/contract";

import { corruptStoreError } from "./corrupt-store-error.ts";
import { hasNoSpace } from "./has-no-space.ts";

/** SQLite's and the file system's errors in our words; what already is ours passes through. */
export function mapSqliteError(error: unknown, path: string): Error {
  if (ClauderonError.isInstance(error)) return error;
  const code = codeOf(error);
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") {
    return corruptStoreError(path, { why: messageOf(error), cause: error });
  }
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT" || (isWriteFailure(code) && hasNoSpace(path))) {
    return new StoreError({
      code: "store.full",
      message: `There is no space left to record sessions in ${path}`,
      why: messageOf(error),
      fix: [
        "free space on that disk (df -h) or raise the quota, then repeat the command",
        "nothing that was recorded is lost",
      ],
      context: { path },
      cause: error,
    });
  }
  return new StoreError({
    message: code.startsWith("SQLITE_BUSY")
      ? `The session store ${path} is in use by another process`
      : `The session store ${path} cannot be used`,
    why: messageOf(error),
    fix: code.startsWith("SQLITE_BUSY")
      ? [`end the process that holds it: fuser ${path}`, "repeat the command"]
      : [`see that this user may read and write it and its directory: ls -la ${path}`],
    context: { path, sqlite: code },
    cause: error,
  });
}

function isWriteFailure(code: string): boolean {
  return code.startsWith("SQLITE_IOERR") || code.startsWith("SQLITE_CANTOPEN");
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  return "cause" in error ? codeOf(error.cause) : "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
