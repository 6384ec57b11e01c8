import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, realpath, stat, unlink, writeFile } from "node:fs/promises";

import { WorkspaceError } from "@clauderon/core/contract";

import { notWithoutGit } from "../git-needed.ts";

/** The files of git directories, as isomorphic-git asks for them. */
export interface ConfinedFiles {
  readonly promises: {
    readFile(
      path: string,
      options?: { readonly encoding?: BufferEncoding | undefined } | BufferEncoding,
    ): Promise<Buffer | string>;
    writeFile(path: string, data: string | Uint8Array): Promise<void>;
    mkdir(path: string): Promise<void>;
    stat(path: string): Promise<Stats>;
    lstat(path: string): Promise<Stats>;
    readdir(path: string): Promise<string[]>;
    readlink(path: string): Promise<string>;
    symlink(target: string, path: string): Promise<void>;
    rmdir(path: string): Promise<void>;
    unlink(path: string): Promise<void>;
  };
}

export interface ConfinedOptions {
  /** Real paths. Nothing outside of them is read; no symbolic link is followed, wherever it leads. */
  readonly roots: readonly string[];
  /** Among the roots, the one that may be written. */
  readonly writable?: string | undefined;
}

/** It holds whole packs in memory, some of them twice. */
const MAX_BYTES = 512 * 1024 * 1024;

export function createConfinedFiles({ roots, writable }: ConfinedOptions): ConfinedFiles {
  let bytesHeld = 0;
  const isBelow = (path: string, root: string): boolean => path === root || path.startsWith(`${root}/`);
  const isConfined = (path: string): boolean =>
    !path.includes("\0") && !/(?:^|\/)\.{1,2}(?:\/|$)/u.test(path) && roots.some((root) => isBelow(path, root));

  /** What was opened is what lies at this path, with no link on the way: also when somebody swaps directories meanwhile. */
  const check = async (path: string, file: FileHandle): Promise<Stats> => {
    const opened = await file.stat();
    const real = await realpath(path);
    const there = await stat(real);
    if (real !== path || there.ino !== opened.ino || there.dev !== opened.dev) throw ledOut(path);
    return opened;
  };
  const look = async (path: string): Promise<Stats> => {
    if (!isConfined(path)) throw ledOut(path);
    const status = await lstat(path);
    if (status.isSymbolicLink() || (await realpath(path)) !== path) throw ledOut(path);
    return status;
  };
  const mayWrite = (path: string): void => {
    if (writable === undefined || !isConfined(path) || !isBelow(path, writable)) throw ledOut(path);
  };
  const refuse = (path: string): Promise<never> => Promise.reject(ledOut(path));
  return {
    promises: {
      readFile: async (path, options) => {
        if (!isConfined(path)) throw ledOut(path);
        // A pipe in the file's place would hold the caller for ever.
        const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
        await using file = await open(path, flags).catch((error: unknown) => {
          throw (error as NodeJS.ErrnoException).code === "ELOOP" ? ledOut(path) : error;
        });
        const status = await check(path, file);
        if (status.isDirectory()) throw Object.assign(new Error(`EISDIR: ${path}`), { code: "EISDIR" });
        if (!status.isFile()) throw ledOut(path);
        bytesHeld += path.endsWith(".pack") ? status.size : 0;
        if (status.size > MAX_BYTES || bytesHeld > MAX_BYTES) throw tooLarge();
        const encoding = typeof options === "string" ? options : options?.encoding;
        const content = await file.readFile();
        return encoding === undefined ? content : content.toString(encoding);
      },
      writeFile: async (path, data) => {
        mayWrite(path);
        await writeFile(path, data, { flag: "wx", mode: 0o600 });
      },
      mkdir: async (path) => {
        mayWrite(path);
        await mkdir(path);
      },
      stat: look,
      lstat: look,
      readdir: async (path) => {
        const status = await look(path);
        return status.isDirectory() ? await readdir(path) : await readdir(`${path}/`);
      },
      readlink: refuse,
      symlink: (_target, path) => refuse(path),
      rmdir: refuse,
      unlink: async (path) => {
        mayWrite(path);
        await unlink(path);
      },
    },
  };
}

function ledOut(path: string): WorkspaceError {
  return new WorkspaceError({
    message: "The repository cannot be read: something in its git directory leads out of it",
    why: `${path} is, or lies behind, a symbolic link or no plain file`,
    fix: ["make a plain copy of the repository and use that: git clone --no-local PATH COPY, where there is a git"],
    context: { path },
  });
}

function tooLarge(): Error {
  return notWithoutGit(
    "This repository is too large to be read without git",
    `packs are held in memory, at most ${String(MAX_BYTES / 1024 / 1024)} MiB of them`,
  );
}
