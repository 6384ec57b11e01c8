import { constants } from "node:fs";
import { open } from "node:fs/promises";

import { type Headers, type Pack, pack } from "tar-stream";

import type { DirectoryEntry } from "../contract/sandbox-files.ts";
import { directoryEntries, fileStatus } from "./file-status.ts";
import type { HeldDirectory } from "./held-directory.ts";
import { mapFileError } from "./map-file-error.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * A tar archive of what the directory holds, or of one entry of it. The directory is closed with the archive. Sockets, pipes and devices are
 * left out.
 */
export function archiveDirectory(directory: HeldDirectory, only?: string): ReadableStream<Uint8Array> {
  const archive = pack();
  void fill(archive, directory, only);
  return ReadableStream.from(archive);
}

async function fill(archive: Pack, root: HeldDirectory, only: string | undefined): Promise<void> {
  try {
    await using directory = root;
    if (only === undefined) await addContent(archive, directory, "");
    else
      await addEntry(archive, directory, {
        entry: { name: only, ...(await fileStatus(directory.path(only))) },
        prefix: "",
      });
    archive.finalize();
  } catch (error) {
    const told = mapFileError(error, only ?? ".");
    archive.destroy(told instanceof Error ? told : new Error(String(told)));
  }
}

async function addContent(archive: Pack, directory: HeldDirectory, prefix: string): Promise<void> {
  for (const entry of await directoryEntries(directory)) await addEntry(archive, directory, { entry, prefix });
}

async function addEntry(
  archive: Pack,
  directory: HeldDirectory,
  item: { readonly entry: DirectoryEntry; readonly prefix: string },
): Promise<void> {
  const { entry } = item;
  const header = { name: item.prefix + entry.name, mode: entry.mode, mtime: entry.modifiedAt };
  switch (entry.kind) {
    case "directory": {
      await add(archive, { ...header, type: "directory" });
      await using child = await directory.child(entry.name);
      await addContent(archive, child, `${header.name}/`);
      break;
    }
    case "symlink":
      await add(archive, { ...header, type: "symlink", linkname: entry.target ?? "" });
      break;
    case "file":
      await addFile(archive, directory.path(entry.name), header);
      break;
    case "other":
      break;
  }
}

async function add(archive: Pack, header: Headers): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    archive.entry(header, (error) => (error ? reject(error) : resolve()));
  });
}

/** Exactly as many bytes as the header says: a file that shrinks meanwhile is filled up with zeros, one that grows is cut. */
async function addFile(archive: Pack, path: string, header: Headers): Promise<void> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = await file.stat();
  if (!stats.isFile()) return;
  const done = Promise.withResolvers<void>();
  const sink = archive.entry({ ...header, type: "file", size: stats.size }, (error) =>
    error ? done.reject(error) : done.resolve(),
  );
  for (let left = stats.size; left > 0;) {
    const buffer = Buffer.alloc(Math.min(left, CHUNK_BYTES));
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    const chunk = bytesRead === 0 ? buffer : buffer.subarray(0, bytesRead);
    left -= chunk.length;
    if (!sink.write(chunk)) await Promise.race([new Promise((resolve) => sink.once("drain", resolve)), done.promise]);
  }
  sink.end();
  await done.promise;
}
