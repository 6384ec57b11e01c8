import { posix } from "node:path";

import { FileError } from "../contract/errors/file-error.ts";

/** The names that lead from `root` to the path; a path that would leave `root` is refused. Nothing is looked up. */
export function confinedPath(root: string, base: string, path: string): readonly string[] {
  if (path.includes("\0")) throw refusedPath(path, "it contains a NUL character");
  const names = posix.relative(root, posix.resolve(base, path)).split("/");
  if (names[0] === "..") throw refusedPath(path, `it leads out of ${root}`);
  return names.filter((name) => name !== "");
}

export function refusedPath(path: string, why: string): FileError {
  return new FileError({
    code: "path.refused",
    message: `The path ${JSON.stringify(path)} is refused`,
    why,
    fix: ["use a path inside the sandbox that leads through no symlink"],
    context: { path },
  });
}
