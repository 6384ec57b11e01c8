import { constants } from "node:fs";
import { type FileHandle, open, rmdir, unlink } from "node:fs/promises";

import { FileError } from "../contract/errors/file-error.ts";
import type { FileStatus, SandboxFiles } from "../contract/sandbox-files.ts";
import { archiveDirectory } from "./archive-directory.ts";
import { confinedPath, refusedPath } from "./confined-path.ts";
import { extractArchive } from "./extract-archive.ts";
import { directoryEntries, fileStatus } from "./file-status.ts";
import { followed, type HeldDirectory, mostSymlinks, walkDirectories } from "./held-directory.ts";
import { mapFileError, withFileErrors } from "./map-file-error.ts";
import { writeWholeFile } from "./write-whole-file.ts";

const NEW_DIRECTORY = 0o755;
const NEW_FILE = 0o644;
const CHUNK_BYTES = 256 * 1024;

export interface DirectoryFilesOptions {
  /** Absolute path of the directory that nothing leaves; trusted, it may itself be reached through symlinks. */
  readonly root: string;
  /** What relative paths are relative to; inside `root`. Default: `root`. */
  readonly workspacePath?: string | undefined;
}

/**
 * The files below a directory of this machine. A symlink that leads out is refused, also when it is put there while the call runs (Linux;
 * elsewhere each step is checked before it is taken); one that stays inside is followed, by us and never by the system.
 */
export function createDirectoryFiles(options: DirectoryFilesOptions): SandboxFiles {
  const { root } = options;
  const base = options.workspacePath ?? root;
  const namesOf = (path: string): readonly string[] => confinedPath(root, base, path);

  /** Runs the body with the directory that holds the path's last name. */
  const inParent = async <Value>(
    path: string,
    body: (parent: HeldDirectory, name: string) => Promise<Value>,
    mode?: number,
  ): Promise<Value> =>
    withFileErrors(path, async () => {
      const names = namesOf(path);
      const name = names.at(-1);
      if (name === undefined) throw refusedPath(path, "it is the sandbox's own root");
      await using parent = await walkDirectories(root, names.slice(0, -1), mode);
      return await body(parent, name);
    });

  const status = async (path: string): Promise<FileStatus> =>
    withFileErrors(path, async () => {
      const names = namesOf(path);
      await using parent = await walkDirectories(root, names.slice(0, -1));
      return await fileStatus(parent.path(names.at(-1)));
    });

  const files: SandboxFiles = {
    async read(path, options) {
      options?.signal?.throwIfAborted();
      return await inParent(path, async (parent, name) => {
        await using file = await openFile(parent, name);
        return await file.readFile(options?.signal === undefined ? {} : { signal: options.signal });
      });
    },
    async readStream(path, options) {
      options?.signal?.throwIfAborted();
      const file = await inParent(path, (parent, name) => openFile(parent, name));
      return fileStream(file, path, options?.signal);
    },
    async write(path, content, options) {
      options?.signal?.throwIfAborted();
      const mode = options?.mode ?? NEW_FILE;
      const chunks = content instanceof Uint8Array ? ReadableStream.from([content]) : content;
      try {
        await inParent(
          path,
          (parent, name) => writeWholeFile(parent, { name, content: chunks, mode, signal: options?.signal }),
          NEW_DIRECTORY,
        );
      } catch (error) {
        if (!chunks.locked) await chunks.cancel(error);
        throw error;
      }
    },
    async stat(path, options) {
      options?.signal?.throwIfAborted();
      return await status(path);
    },
    async list(path, options) {
      options?.signal?.throwIfAborted();
      return await withFileErrors(path, async () => {
        await using directory = await walkDirectories(root, namesOf(path));
        return await directoryEntries(directory);
      });
    },
    async makeDirectory(path, options) {
      options?.signal?.throwIfAborted();
      await withFileErrors(path, async () => {
        await using _directory = await walkDirectories(root, namesOf(path), NEW_DIRECTORY);
      });
    },
    async remove(path, options) {
      options?.signal?.throwIfAborted();
      try {
        await inParent(path, (parent, name) => removeEntry(parent, name, options?.signal));
      } catch (error) {
        if (!(error instanceof FileError && error.code === "file.not-found")) throw error;
      }
    },
    async archive(path, options) {
      options?.signal?.throwIfAborted();
      const names = namesOf(path);
      const { kind } = await status(path);
      return await withFileErrors(path, async () => {
        if (kind === "directory") return archiveDirectory(await walkDirectories(root, names));
        return archiveDirectory(await walkDirectories(root, names.slice(0, -1)), names.at(-1));
      });
    },
    async extract(path, archive, options) {
      options?.signal?.throwIfAborted();
      await withFileErrors(path, async () => {
        await using directory = await walkDirectories(root, namesOf(path), NEW_DIRECTORY);
        await extractArchive({ root, names: directory.names, signal: options?.signal }, archive);
      });
    },
  };
  return files;
}

/** Symlinks are followed by hand, below the root alone. Non-blocking, so that a pipe in the file's place does not hold the call. */
async function openFile(parent: HeldDirectory, name: string, symlinks = 0): Promise<FileHandle> {
  const { kind, target } = await fileStatus(parent.path(name));
  if (kind === "symlink" && target !== undefined) {
    const names = followed(parent, target);
    const last = names.at(-1);
    if (last === undefined || last === "..") throw refusedPath(name, "it is a symlink to a directory");
    if (symlinks > mostSymlinks) throw refusedPath(name, "it leads through too many symlinks");
    await using directory = await walkDirectories(parent.root, names.slice(0, -1));
    return await openFile(directory, last, symlinks + 1);
  }
  const file = await open(parent.path(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new FileError({
    message: `${JSON.stringify(name)} is no file`,
    fix: ["name a file; a directory can be listed or archived"],
    context: { name },
  });
}

/** Owns the file: closed at its end, on an error, and when the reader cancels. */
function fileStream(file: FileHandle, path: string, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          signal?.throwIfAborted();
          const { buffer, bytesRead } = await file.read({ buffer: Buffer.allocUnsafe(CHUNK_BYTES) });
          if (bytesRead > 0) {
            controller.enqueue(buffer.subarray(0, bytesRead));
            return;
          }
          await file.close();
          controller.close();
        } catch (error) {
          await file.close();
          throw mapFileError(error, path);
        }
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 },
  );
}

async function removeEntry(parent: HeldDirectory, name: string, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const { kind } = await fileStatus(parent.path(name));
  if (kind !== "directory") {
    await unlink(parent.path(name));
    return;
  }
  {
    await using directory = await parent.child(name);
    for (const entry of await directoryEntries(directory)) await removeEntry(directory, entry.name, signal);
  }
  await rmdir(parent.path(name));
}
