import { posix } from "node:path";

import { FileError, type SandboxFiles } from "@clauderon/core/contract";
import { createDirectoryFiles } from "@clauderon/core/host";

import { inside } from "./container-places.ts";

/** The workspace's files, reached on this machine: also while the container does not run, and never through a symlink that leads out. */
export function workspaceFiles(hostPath: string): SandboxFiles {
  const files = createDirectoryFiles({ root: hostPath });
  return {
    read: async (path, options) => files.read(relative(path), options),
    readStream: async (path, options) => files.readStream(relative(path), options),
    write: async (path, content, options) => files.write(relative(path), content, options),
    stat: async (path, options) => files.stat(relative(path), options),
    list: async (path, options) => files.list(relative(path), options),
    makeDirectory: async (path, options) => files.makeDirectory(relative(path), options),
    remove: async (path, options) => files.remove(relative(path), options),
    archive: async (path, options) => files.archive(relative(path), options),
    extract: async (path, archive, options) => files.extract(relative(path), archive, options),
  };
}

/** From the workspace, as it is called inside. */
function relative(path: string): string {
  if (!posix.isAbsolute(path)) return path;
  const from = posix.relative(inside.workspace, posix.normalize(path));
  if (from !== ".." && !from.startsWith("../")) return from === "" ? "." : from;
  throw new FileError({
    code: "path.refused",
    message: `The path ${JSON.stringify(path)} is refused`,
    why: `files are reached below ${inside.workspace} alone`,
    fix: ["use a path of the workspace, or a command: clauderon exec"],
    context: { path },
  });
}
