import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import { FileError } from "../contract/errors/file-error.ts";
import { refusedPath } from "./confined-path.ts";

/** The file error for what a system call said about the path. Errors of other kinds come back as they are. */
export function mapFileError(error: unknown, path: string): unknown {
  if (ClauderonError.isInstance(error) || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || !/^E[A-Z0-9]+$/u.test(code)) return error;
  if (code === "ELOOP") return refusedPath(path, "it leads through a symlink");
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new FileError({
      code: "file.not-found",
      message: `There is no ${JSON.stringify(path)}`,
      why: code === "ENOTDIR" ? "a part of the path is no directory" : undefined,
      fix: ["check the path; it is relative to the workspace"],
      context: { path },
      cause: error,
    });
  }
  return new FileError({
    message: `${JSON.stringify(path)} cannot be read or written`,
    why: error.message,
    fix: ["check what kind of file it is, its permissions and the space left on the disk"],
    context: { path, errno: code },
    cause: error,
  });
}

/** Runs the body; what the system says about the path rejects as a file error. */
export async function withFileErrors<Value>(path: string, body: () => Promise<Value>): Promise<Value> {
  try {
    return await body();
  } catch (error) {
    throw mapFileError(error, path);
  }
}
