import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";

export interface ProgramLookup {
  /** Absolute path; absent when it cannot be run. */
  readonly path?: string | undefined;
  /** 126: found, but not invocable; 127: not found. */
  readonly exitCode: 0 | 126 | 127;
}

/** Finds a program as `execvp` would: by path when it has a slash, else in `PATH`. */
export function lookUpProgram(
  program: string,
  cwd: string,
  environment: Readonly<Record<string, string>>,
): ProgramLookup {
  const candidates = program.includes("/")
    ? [isAbsolute(program) ? program : resolve(cwd, program)]
    : (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
        .split(":")
        .map((directory) => join(resolve(cwd, directory || "."), program));
  let exitCode: 126 | 127 = 127;
  for (const path of program === "" ? [] : candidates) {
    const kind = kindOf(path);
    if (kind === "runnable") return { path, exitCode: 0 };
    if (kind === "present") exitCode = 126;
  }
  return { exitCode };
}

function kindOf(path: string): "runnable" | "present" | "absent" {
  try {
    const isFile = statSync(path).isFile();
    if (!isFile) return "present";
    accessSync(path, constants.X_OK);
    return "runnable";
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EACCES" ? "present" : "absent";
  }
}

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
