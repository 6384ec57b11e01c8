import { chmod, lchown, link, symlink } from "node:fs/promises";
import { posix } from "node:path";

import { type Entry, extract } from "tar-stream";

import { FileError } from "../contract/errors/file-error.ts";
import { refusedPath } from "./confined-path.ts";
import { fileStatus } from "./file-status.ts";
import { walkStrictly } from "./held-directory.ts";
import { placeWhole, writeWholeFile } from "./write-whole-file.ts";

const PERMISSIONS = 0o777;
const NEW_DIRECTORY = 0o755;

export interface ExtractTarget {
  /** What nothing may leave. */
  readonly root: string;
  /** Names that lead from there to the directory to unpack in. */
  readonly names: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Unpacks entry after entry; one that would land outside of the directory, or point out of the root, ends it. */
export async function extractArchive(target: ExtractTarget, archive: ReadableStream<Uint8Array>): Promise<void> {
  const reader = archive.getReader();
  const unpacker = extract();
  const directories: { readonly names: readonly string[]; readonly mode: number }[] = [];
  const fed = feed(reader, unpacker);
  fed.catch(() => {
    // The unpacker was destroyed with the same error, which ends the loop below.
  });
  try {
    for await (const entry of unpacker) {
      target.signal?.throwIfAborted();
      const made = await unpack(target, entry);
      if (made !== undefined) directories.push(made);
      entry.resume();
    }
    await fed;
  } catch (error) {
    unpacker.destroy();
    await reader.cancel(error);
    throw unreadable(error);
  }
  // Last, so that directories that are not writable can be filled.
  for (const { names, mode } of directories.reverse()) {
    await using directory = await walkStrictly(target.root, names);
    await chmod(directory.path(), mode);
  }
}

async function feed(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  unpacker: ReturnType<typeof extract>,
): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (unpacker.destroyed) return;
      if (!unpacker.write(value)) {
        await new Promise((resolve) => {
          unpacker.once("drain", resolve);
          unpacker.once("close", resolve);
        });
      }
    }
    unpacker.end();
  } catch (error) {
    unpacker.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function unpack(
  target: ExtractTarget,
  entry: Entry,
): Promise<{ readonly names: readonly string[]; readonly mode: number } | undefined> {
  const { header } = entry;
  const inside = insideNames(header.name);
  const names = [...target.names, ...inside];
  const mode = (header.mode ?? (header.type === "directory" ? NEW_DIRECTORY : 0o644)) & PERMISSIONS;
  if (header.type === "directory") {
    await using _directory = await walkStrictly(target.root, names, NEW_DIRECTORY);
    return inside.length === 0 ? undefined : { names, mode };
  }
  const name = inside.at(-1);
  if (name === undefined) throw refusedPath(header.name, "the entry has no name");
  await using parent = await walkStrictly(target.root, names.slice(0, -1), NEW_DIRECTORY);
  switch (header.type) {
    case "file":
    case "contiguous-file":
      await writeWholeFile(parent, { name, content: entry, mode, modifiedAt: header.mtime, signal: target.signal });
      return undefined;
    case "symlink": {
      const pointsTo = header.linkname ?? "";
      checkSymlink(header.name, names.slice(0, -1), pointsTo);
      const owner = await parent.otherOwner();
      await placeWhole(parent, name, async (temporary) => {
        await symlink(pointsTo, temporary);
        if (owner !== undefined) await lchown(temporary, owner.uid, owner.gid);
      });
      return undefined;
    }
    case "link": {
      const source = insideNames(header.linkname ?? "");
      await using from = await walkStrictly(target.root, [...target.names, ...source.slice(0, -1)]);
      const path = from.path(source.at(-1));
      if ((await fileStatus(path)).kind !== "file") throw refusedPath(header.name, "it is a link to what is no file");
      await placeWhole(parent, name, (temporary) => link(path, temporary));
      return undefined;
    }
    default:
      throw refusedPath(header.name, `an entry of the kind ${header.type ?? "unknown"} is not unpacked`);
  }
}

function insideNames(name: string): readonly string[] {
  const path = posix.normalize(name);
  const names = path.split("/").filter((step) => step !== "" && step !== ".");
  if (posix.isAbsolute(path) || names[0] === ".." || path.includes("\0")) {
    throw refusedPath(name, "the entry leads out of the archive");
  }
  return names;
}

/**
 * `..` only at the start, and no more of them than there are directories above: whatever symlinks the rest of the target leads through, none
 * of them climbs further.
 */
function checkSymlink(name: string, directory: readonly string[], pointsTo: string): void {
  const steps = pointsTo.split("/").filter((step) => step !== "" && step !== ".");
  const climbs = steps.findIndex((step) => step !== "..");
  const rest = climbs === -1 ? [] : steps.slice(climbs);
  const isOut = (climbs === -1 ? steps.length : climbs) > directory.length;
  if (pointsTo === "" || posix.isAbsolute(pointsTo) || isOut || rest.includes("..")) {
    throw refusedPath(name, `it is a symlink to ${JSON.stringify(pointsTo)}`);
  }
}

function unreadable(error: unknown): unknown {
  if (!(error instanceof Error) || !/tar|Unexpected end of data/iu.test(error.message)) return error;
  return new FileError({
    message: "The archive cannot be read",
    why: error.message,
    fix: ["send a tar archive (POSIX pax or ustar), not compressed"],
    cause: error,
  });
}
