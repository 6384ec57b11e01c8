import { createHash } from "node:crypto";

import { WorkspaceError } from "@clauderon/core/contract";
import git from "isomorphic-git";

import { notWithoutGit } from "../git-needed.ts";
import { createConfinedFiles } from "./confined-files.ts";

export interface ReadObject {
  readonly type: "commit" | "tree" | "blob" | "tag";
  readonly content: Buffer;
}

/** Objects of git directories; what is read is what its name says. */
export interface ObjectStore {
  /** Rejects when it is not there. */
  read(object: string): Promise<ReadObject>;
  has(object: string): Promise<boolean>;
}

/** isomorphic-git keeps what it unpacked; it gives it up only with everything else. */
const KEPT_BYTES = 256 * 1024 * 1024;
const types: ReadonlySet<string> = new Set(["commit", "tree", "blob", "tag"]);

/** Looked for in each of the directories, in this order. */
export function createObjectStore(directories: readonly string[]): ObjectStore {
  const makeStores = (): readonly Store[] =>
    directories.map((gitdir) => ({ gitdir, fs: createConfinedFiles({ roots: [gitdir] }), cache: {} }));
  let stores = makeStores();
  let bytes = 0;
  const find = async (object: string): Promise<ReadObject | undefined> => {
    if (bytes > KEPT_BYTES) {
      stores = makeStores();
      bytes = 0;
    }
    for (const store of stores) {
      const found = await readFrom(store, object);
      if (found === undefined) continue;
      bytes += found.content.length;
      return found;
    }
    return undefined;
  };
  return {
    read: async (object) => {
      const found = await find(object);
      if (found === undefined) throw missing(object);
      return found;
    },
    has: async (object) => (await find(object)) !== undefined,
  };
}

interface Store {
  readonly gitdir: string;
  readonly fs: ReturnType<typeof createConfinedFiles>;
  readonly cache: object;
}

async function readFrom(store: Store, object: string): Promise<ReadObject | undefined> {
  if (!/^[0-9a-f]{40}$/u.test(object)) {
    throw notWithoutGit("Objects of this repository cannot be read without git", "it has no SHA-1 names");
  }
  try {
    const { type, object: content } = await git.readObject({ ...store, oid: object, format: "content" });
    if (!types.has(type) || !(content instanceof Uint8Array)) throw damaged(object, `it is said to be a ${type}`);
    const buffer = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    // Of what lies in a pack isomorphic-git takes the name from the index.
    if (nameOf(type, buffer) !== object) throw damaged(object, "its content has another name");
    return { type: type as ReadObject["type"], content: buffer };
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "NotFoundError") return undefined;
    throw error instanceof Error && /^(?:InternalError|DecompressionError|RangeError|TypeError)$/u.test(error.name)
      ? damaged(object, error.message)
      : error;
  }
}

export function nameOf(type: string, content: Uint8Array): string {
  return createHash("sha1")
    .update(`${type} ${String(content.length)}\0`)
    .update(content)
    .digest("hex");
}

function missing(object: string): WorkspaceError {
  const stderr = `the object ${object} is missing`;
  return new WorkspaceError({
    message: "The repository cannot be read",
    why: stderr,
    fix: ["if objects are borrowed from another repository, or fetched when needed: install git", "if not: git fsck"],
    // As git complains about it.
    context: { command: "pack-objects", stderr },
  });
}

function damaged(object: string, why: string): WorkspaceError {
  const stderr = `the object ${object} is damaged: ${why}`;
  return new WorkspaceError({
    message: "The repository cannot be read",
    why: stderr,
    fix: ["see what is wrong, where there is a git: git fsck"],
    context: { command: "pack-objects", stderr },
  });
}
