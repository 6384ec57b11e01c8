import { createHash } from "node:crypto";
import { inflateSync, type Inflate } from "node:zlib";

import { applyDelta } from "./apply-delta.ts";

export type PackCommitRead =
  | { readonly kind: "header"; readonly length: number }
  | { readonly kind: "commit"; readonly id: string; readonly parents: readonly string[]; readonly length: number }
  | { readonly kind: "incomplete" }
  /** The next object is no commit, or there is none. git writes commits first. */
  | { readonly kind: "no-more-commits" }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Reads the commits at the front of a pack (gitformat-pack). */
export interface PackCommits {
  /** `bytes` begins where the last read ended; `isEnd` = nothing follows them. */
  next(bytes: Buffer, isEnd: boolean): PackCommitRead;
}

const MAX_COMMIT_BYTES = 1024 * 1024;
const MAX_KEPT_BYTES = 16 * 1024 * 1024;
const COMMIT = 1;
const OFFSET_DELTA = 6;
const REFERENCE_DELTA = 7;

interface EntryHead {
  readonly type: number;
  readonly size: number;
  /** The offset or the name of a delta's base. */
  readonly base: number | string | undefined;
  readonly length: number;
}

export function createPackCommits(algorithm: "sha1" | "sha256"): PackCommits {
  const contents = new Map<number | string, Buffer>();
  let keptBytes = 0;
  let offset = 0;
  let remaining: number | undefined;
  /** An object that was cut off is tried again only when twice as much of it is there: tiny pieces cost no more than large ones. */
  let retryAt = 0;

  function readHeader(bytes: Buffer): PackCommitRead {
    if (bytes.length < 12) return { kind: "incomplete" };
    if (bytes.toString("latin1", 0, 4) !== "PACK" || bytes.readUInt32BE(4) !== 2) {
      return { kind: "unreadable", reason: "what follows the commands is no pack of version 2" };
    }
    remaining = bytes.readUInt32BE(8);
    offset = 12;
    return { kind: "header", length: 12 };
  }

  function contentOf(head: EntryHead, inflated: Buffer): Buffer | undefined {
    if (head.base === undefined) return inflated;
    const base = contents.get(typeof head.base === "number" ? offset - head.base : head.base);
    return base && applyDelta(base, inflated, MAX_COMMIT_BYTES);
  }

  function keep(id: string, content: Buffer): boolean {
    contents.set(offset, content).set(id, content);
    keptBytes += content.length;
    return keptBytes <= MAX_KEPT_BYTES;
  }

  return {
    next(bytes, isEnd) {
      if (remaining === undefined) return readHeader(bytes);
      if (remaining === 0) return { kind: "no-more-commits" };
      if (bytes.length < retryAt && !isEnd) return { kind: "incomplete" };
      const head = readEntryHead(bytes, algorithm === "sha1" ? 20 : 32);
      if (head === undefined) return { kind: "incomplete" };
      if (head.type !== COMMIT && head.base === undefined) return { kind: "no-more-commits" };
      if (head.base !== undefined && !contents.has(typeof head.base === "number" ? offset - head.base : head.base)) {
        return { kind: "no-more-commits" };
      }
      if (head.size > MAX_COMMIT_BYTES) return { kind: "unreadable", reason: "a commit of more than 1 MiB" };
      const inflated = inflate(bytes.subarray(head.length), head.size);
      if (inflated === "incomplete") {
        if (bytes.length > 2 * MAX_COMMIT_BYTES) return { kind: "unreadable", reason: "a commit that does not end" };
        retryAt = bytes.length * 2;
        return { kind: "incomplete" };
      }
      const content = inflated && contentOf(head, inflated.content);
      if (inflated === undefined || content === undefined) return { kind: "unreadable", reason: "a damaged commit" };
      retryAt = 0;
      const id = createHash(algorithm).update(`commit ${content.length}\0`).update(content).digest("hex");
      if (!keep(id, content)) return { kind: "unreadable", reason: "more than 16 MiB of commits" };
      const length = head.length + inflated.length;
      offset += length;
      remaining -= 1;
      return { kind: "commit", id, parents: parentsOf(content), length };
    },
  };
}

function readEntryHead(bytes: Buffer, idLength: number): EntryHead | undefined {
  let at = 0;
  let byte = bytes[at++];
  if (byte === undefined) return undefined;
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let scale = 16; byte >= 128; scale *= 128) {
    byte = bytes[at++];
    if (byte === undefined) return undefined;
    size += (byte & 127) * scale;
  }
  if (type === REFERENCE_DELTA) {
    if (bytes.length < at + idLength) return undefined;
    return { type, size, base: bytes.toString("hex", at, at + idLength), length: at + idLength };
  }
  if (type !== OFFSET_DELTA) return { type, size, base: undefined, length: at };
  byte = bytes[at++];
  if (byte === undefined) return undefined;
  let base = byte & 127;
  while (byte >= 128) {
    byte = bytes[at++];
    if (byte === undefined) return undefined;
    base = (base + 1) * 128 + (byte & 127);
  }
  return { type, size, base, length: at };
}

interface Inflated {
  readonly content: Buffer;
  /** How many bytes it took. */
  readonly length: number;
}

/** The types leave out what `info: true` makes of the result. */
interface InflatedWithEngine {
  readonly buffer: Buffer;
  readonly engine: Inflate;
}

function inflate(bytes: Buffer, size: number): Inflated | "incomplete" | undefined {
  try {
    const result: unknown = inflateSync(bytes, { info: true, maxOutputLength: size + 1 });
    const { buffer, engine } = result as InflatedWithEngine;
    return buffer.length === size ? { content: buffer, length: engine.bytesWritten } : undefined;
  } catch (error) {
    return error instanceof Error && Reflect.get(error, "code") === "Z_BUF_ERROR" ? "incomplete" : undefined;
  }
}

/** As git reads them: the lines right after the tree's. */
function parentsOf(content: Buffer): readonly string[] {
  const [, ...lines] = content.toString("latin1").split("\n");
  const parents: string[] = [];
  for (const line of lines) {
    const id = /^parent ([0-9a-f]{40}|[0-9a-f]{64})$/.exec(line)?.[1];
    if (id === undefined) break;
    parents.push(id);
  }
  return parents;
}
