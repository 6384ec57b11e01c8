import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";

import { scanBytes } from "@clauderon/core/testing";

/**
 * The same in everything that a client could make of an answer of HTTP/1.1: the bytes as they came, chunks joined, content decoded, frames of a WebSocket joined, the
 * data lines of an event stream joined.
 */
export function scanAnswer(answer: Buffer, text: string): readonly string[] {
  const readings = answersRead.get(answer) ?? [answer, ...readingsOf(answer)];
  answersRead.set(answer, readings);
  return [...new Set(readings.flatMap((reading) => scanBytes(reading, text)))];
}

const answersRead = new WeakMap<Buffer, readonly Buffer[]>();

function readingsOf(answer: Buffer): readonly Buffer[] {
  const readings: Buffer[] = [];
  let rest = answer;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end === -1 || !rest.subarray(0, 5).equals(Buffer.from("HTTP/"))) return readings;
    const head = rest.subarray(0, end).toString("latin1");
    rest = rest.subarray(end + 4);
    if (/^HTTP\/1\.[01] 101 /u.test(head)) {
      readings.push(joinFrames(rest));
      return readings;
    }
    // What informs has no body; another head follows.
    if (/^HTTP\/1\.[01] 1\d\d /u.test(head)) continue;
    const isChunked = /\r\ntransfer-encoding: *chunked/iu.test(head);
    const body = isChunked ? joinChunks(rest) : rest;
    const plain = decode(body, /\r\ncontent-encoding: *(?<name>[\w, -]+)/iu.exec(head)?.groups?.["name"]);
    // What came whole and as it is was looked at with the head.
    if (isChunked) readings.push(body);
    if (plain !== body) readings.push(plain);
    if (/event-stream/iu.test(head)) readings.push(joinEvents(plain));
    return readings;
  }
}

/** The bodies of chunks, as far as they came. */
export function joinChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf("\r\n", at);
    const size = end === -1 ? Number.NaN : Number.parseInt(bytes.subarray(at, end).toString("latin1"), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

/** The payloads of WebSocket frames as a server sends them, as far as they came. */
export function joinFrames(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const isLonger = short === 126 && at + 4 <= bytes.length;
    const size = isLonger ? bytes.readUInt16BE(at + 2) : short;
    at += isLonger ? 4 : 2;
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return Buffer.concat(parts);
}

/** The data of server-sent events, joined. */
export function joinEvents(bytes: Buffer): Buffer {
  const lines = bytes.toString("latin1").split(/\r\n|\r|\n/u);
  const data = lines.flatMap((line) => (line.startsWith("data:") ? line.slice(5).replace(/^ /u, "") : []));
  return Buffer.from(data.join(""), "latin1");
}

/** As far as it can be decoded: what is broken at its end gives what stands before. */
function decode(body: Buffer, encodings: string | undefined): Buffer {
  const names = (encodings ?? "").split(",").map((name) => name.trim().toLowerCase());
  return names.reduceRight((bytes, name) => decodeOne(bytes, name), body);
}

const longestBreak = 64;

function decodeOne(body: Buffer, encoding: string): Buffer {
  const decoder = decoders[encoding];
  if (decoder === undefined) return body;
  for (let cut = 0; cut <= Math.min(longestBreak, body.length); cut += 1) {
    try {
      return decoder(body.subarray(0, body.length - cut));
    } catch {
      // Tried again without its last byte.
    }
  }
  return body;
}

const flush = { finishFlush: constants.Z_SYNC_FLUSH };
const decoders: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: (body) => gunzipSync(body, flush),
  br: (body) => brotliDecompressSync(body, { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: (body) => zstdDecompressSync(body, { finishFlush: constants.ZSTD_e_flush }),
  deflate: (body) => ((body[0] ?? 0) === 0x78 ? inflateSync(body, flush) : inflateRawSync(body, flush)),
};
