import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";

import type { PushScope } from "../policy/proxy-types.ts";
import { encodePktLine } from "./pkt-line.ts";

export const scope: PushScope = { host: "git.example", repository: "acme/app", ref: "refs/heads/clauderon/fix" };
export const ZERO: string = "0".repeat(40);
export const GIT_CAPABILITIES = " report-status-v2 side-band-64k object-format=sha1 agent=git/2.39.5";

export interface PushBody {
  /** Lines without their end; a NUL begins the capabilities. */
  readonly lines: readonly string[];
  readonly options?: readonly string[];
  readonly pack?: Uint8Array;
}

/** The body of a push as git writes it. */
export function pushBody({ lines, options, pack = new Uint8Array() }: PushBody): Buffer {
  const section = (texts: readonly string[]) => [
    ...texts.map((text) => encodePktLine(Buffer.from(text, "latin1"))),
    Buffer.from("0000"),
  ];
  return Buffer.concat([...section(lines), ...(options === undefined ? [] : section(options)), pack]);
}

export interface PackedCommit {
  readonly id: string;
  readonly content: Buffer;
}

export function commitOf(parents: readonly string[], message = "work"): PackedCommit {
  const lines = [`tree ${"4".repeat(40)}`, ...parents.map((parent) => `parent ${parent}`)];
  const person = "A U Thor <author@example.com> 1790000000 +0000";
  const content = Buffer.from([...lines, `author ${person}`, `committer ${person}`, "", message, ""].join("\n"));
  return { id: createHash("sha1").update(`commit ${content.length}\0`).update(content).digest("hex"), content };
}

/** Commits, then one blob of these bytes. */
export function packOf(commits: readonly PackedCommit[], blob?: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.write("PACK");
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(commits.length + (blob === undefined ? 0 : 1), 8);
  const entries = commits.map(({ content }) => entryOf(1, content));
  const body = Buffer.concat([header, ...entries, ...(blob === undefined ? [] : [entryOf(3, blob)])]);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

function entryOf(type: number, content: Buffer): Buffer {
  const head = [];
  let size = content.length >> 4;
  head.push((type << 4) | (content.length & 15) | (size > 0 ? 128 : 0));
  for (; size > 0; size >>= 7) head.push((size & 127) | (size > 127 ? 128 : 0));
  return Buffer.concat([Buffer.from(head), deflateSync(content)]);
}
