import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { crc32, deflate } from "node:zlib";

import type { ReadObject } from "./object-store.ts";

const typeNumbers = { commit: 1, tree: 2, blob: 3, tag: 4 } as const;
const HEADER_BYTES = 12;
const FAN_OUT = 256;
/** Offsets from here on stand in a table of their own (gitformat-pack(5)). */
const LARGE_OFFSET = 0x80_00_00_00;
const deflated = promisify(deflate);

interface Entry {
  readonly object: string;
  readonly offset: number;
  readonly crc: number;
}

/** A pack in the making, without deltas; one object at a time is in memory. */
export interface PackWriter extends AsyncDisposable {
  add(object: string, read: ReadObject): Promise<void>;
  /** Gives pack and index their names when both are on the disk; the name without ending, `undefined` of an empty one. */
  finish(): Promise<string | undefined>;
}

export async function createPackWriter(directory: string): Promise<PackWriter> {
  // As git calls its own: what is left of it is swept as such, and its size shows the progress.
  const temporary = join(directory, `tmp_pack_${String(process.pid)}`);
  const file = await open(temporary, "wx+", 0o444);
  const entries: Entry[] = [];
  let at = HEADER_BYTES;
  const writeAt = async (bytes: Uint8Array, position: number): Promise<void> => {
    for (let done = 0; done < bytes.length;)
      done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  };
  return {
    add: async (object, { type, content }) => {
      const bytes = Buffer.concat([entryHeader(typeNumbers[type], content.length), await deflated(content)]);
      await writeAt(bytes, at);
      entries.push({ object, offset: at, crc: crc32(bytes) });
      at += bytes.length;
    },
    finish: async () => {
      if (entries.length === 0) return undefined;
      const header = Buffer.alloc(HEADER_BYTES);
      header.write("PACK", 0, "latin1");
      header.writeUInt32BE(2, 4);
      header.writeUInt32BE(entries.length, 8);
      await writeAt(header, 0);
      const checksum = await hashOf(file, at);
      await writeAt(checksum, at);
      await file.sync();
      const name = `pack-${checksum.toString("hex")}`;
      await writeIndex(join(directory, `${name}.idx`), entries, checksum);
      await rename(temporary, join(directory, `${name}.pack`));
      return name;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Type and size (gitformat-pack(5)). */
function entryHeader(type: number, size: number): Buffer {
  const bytes: number[] = [];
  let rest = Math.floor(size / 16);
  let byte = type * 16 + (size % 16);
  while (rest > 0) {
    bytes.push(byte + 128);
    byte = rest % 128;
    rest = Math.floor(rest / 128);
  }
  bytes.push(byte);
  return Buffer.from(bytes);
}

async function hashOf(file: FileHandle, length: number): Promise<Buffer> {
  const hash: Hash = createHash("sha1");
  const chunk = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < length;) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, length - at), at);
    if (bytesRead === 0) throw new RangeError("a pack was cut off while it was written");
    hash.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest();
}

async function writeIndex(path: string, entries: readonly Entry[], checksum: Buffer): Promise<void> {
  const sorted = entries.toSorted((left, right) => (left.object < right.object ? -1 : 1));
  const names = Buffer.from(sorted.map(({ object }) => object).join(""), "hex");
  const header = Buffer.alloc(8 + FAN_OUT * 4);
  header.writeUInt32BE(0xff_74_4f_63, 0);
  header.writeUInt32BE(2, 4);
  let below = 0;
  for (let first = 0; first < FAN_OUT; first += 1) {
    while (below < sorted.length && names[below * 20] === first) below += 1;
    header.writeUInt32BE(below, 8 + first * 4);
  }
  const checks = Buffer.alloc(sorted.length * 4);
  const offsets = Buffer.alloc(sorted.length * 4);
  const large: number[] = [];
  for (const [index, { crc, offset }] of sorted.entries()) {
    checks.writeUInt32BE(crc, index * 4);
    offsets.writeUInt32BE(offset < LARGE_OFFSET ? offset : LARGE_OFFSET + large.length, index * 4);
    if (offset >= LARGE_OFFSET) large.push(offset);
  }
  const largeOffsets = Buffer.alloc(large.length * 8);
  for (const [index, offset] of large.entries()) largeOffsets.writeBigUInt64BE(BigInt(offset), index * 8);
  const body = Buffer.concat([header, names, checks, offsets, largeOffsets, checksum]);
  await using file = await open(path, "wx", 0o444);
  await file.writeFile(Buffer.concat([body, createHash("sha1").update(body).digest()]));
  await file.sync();
}

/** The names in an index of ours. */
export function namesInIndex(index: Buffer): readonly string[] {
  const count = index.readUInt32BE(8 + (FAN_OUT - 1) * 4);
  const start = 8 + FAN_OUT * 4;
  if (start + count * 20 > index.length) throw new RangeError("the index of a pack is cut off");
  return Array.from({ length: count }, (_, at) => index.toString("hex", start + at * 20, start + (at + 1) * 20));
}
