import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";

/** A way to write a secret, and the bytes that then stand for it. */
export interface CanaryForm {
  readonly encoding: string;
  readonly bytes: Buffer;
}

/** How a text is written in an encoding; around it may stand what moves it. */
export const canaryEncoders: Readonly<Record<string, (text: string) => Buffer>> = {
  plain: (text) => Buffer.from(text),
  "base64, alignment 0": (text) => Buffer.from(Buffer.from(text).toString("base64")),
  "base64, alignment 1": (text) => Buffer.from(Buffer.from(`u${text}`).toString("base64")),
  "base64, alignment 2": (text) => Buffer.from(Buffer.from(`u:${text}`).toString("base64")),
  "base64url, alignment 0": (text) => Buffer.from(Buffer.from(text).toString("base64url")),
  "base64url, alignment 1": (text) => Buffer.from(Buffer.from(`u${text}`).toString("base64url")),
  "base64url, alignment 2": (text) => Buffer.from(Buffer.from(`u:${text}`).toString("base64url")),
  percent: (text) => Buffer.from(encodeURIComponent(text)),
  "percent, every byte": (text) => Buffer.from(Buffer.from(text).toString("hex").replaceAll(/../g, "%$&")),
  JSON: (text) => Buffer.from(JSON.stringify(text).slice(1, -1)),
  "JSON, slashes escaped": (text) => Buffer.from(JSON.stringify(text).slice(1, -1).replaceAll("/", "\\/")),
  "JSON, every character": (text) => Buffer.from(Array.from(text, escaped).join("")),
  HTML: (text) => Buffer.from(text.replaceAll("&", "&amp;").replaceAll('"', "&quot;")),
  hex: (text) => Buffer.from(Buffer.from(text).toString("hex")),
  "hex, capitals": (text) => Buffer.from(Buffer.from(text).toString("hex").toUpperCase()),
  "UTF-16LE": (text) => Buffer.from(text, "utf16le"),
  "UTF-16BE": (text) => Buffer.from(text, "utf16le").swap16(),
};

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** What to look for: of base64 the letters that hold bits of the text alone. */
export function canaryForms(text: string): readonly CanaryForm[] {
  const size = Buffer.byteLength(text);
  return Object.entries(canaryEncoders).map(([encoding, encode]) => {
    const bytes = encode(text);
    const shift = encoding.startsWith("base64") ? Number(encoding.at(-1)) : undefined;
    if (shift === undefined) return { encoding, bytes };
    const first = Math.ceil((shift * 8) / 6);
    return { encoding, bytes: bytes.subarray(first, Math.floor(((shift + size) * 8) / 6)) };
  });
}

/** In which encodings the text stands in the bytes; capitals and small letters of hexadecimal digits and percent signs are the same. */
export function scanBytes(bytes: Buffer, text: string): readonly string[] {
  const { squeezed, folded } = preparedOf(bytes);
  return canaryForms(text)
    .filter(({ encoding, bytes: form }) =>
      /^(?:percent|hex|JSON, every)/u.test(encoding)
        ? folded.includes(form.toString("latin1").toLowerCase(), 0, "latin1")
        : squeezed.includes(form),
    )
    .map(({ encoding }) => encoding);
}

interface Prepared {
  /** Without the long runs of zeros that bombs are made of. */
  readonly squeezed: Buffer;
  /** The same in small letters. */
  readonly folded: Buffer;
}

const prepared = new WeakMap<Buffer, Prepared>();

const block = Buffer.alloc(4096);

/** Without blocks of nothing but zeros. */
function withoutZeros(bytes: Buffer): Buffer {
  if (bytes.length < 1 << 20) return bytes;
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += block.length) {
    const part = bytes.subarray(at, at + block.length);
    if (!part.equals(block)) parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Made once for all that is looked for in the same bytes. */
function preparedOf(bytes: Buffer): Prepared {
  const known = prepared.get(bytes);
  if (known !== undefined) return known;
  const squeezed = withoutZeros(bytes);
  const folded = Buffer.from(squeezed.toString("latin1").toLowerCase(), "latin1");
  const made = { squeezed, folded };
  prepared.set(bytes, made);
  return made;
}

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
