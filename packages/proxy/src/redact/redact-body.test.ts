import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  brotliCompressSync,
  constants,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";

import { describe, expect, it } from "vitest";

import { createRedactor } from "./create-redactor.ts";
import { DecompressionLimitError, redactBody } from "./redact-body.ts";

const SECRET = "ghp_R34lT0ken0123456789abcdefABCDEF";
const redactor = createRedactor([{ value: SECRET, placeholder: "placeholder" }]);
const TEXT = `{"headers":{"authorization":"Bearer ${SECRET}"}}\n`.repeat(50);

async function run(
  chunks: Iterable<Uint8Array>,
  encoding: string | undefined,
): Promise<{ readonly text: string; readonly error: unknown; readonly bytes: number }> {
  const redaction = redactBody(redactor, encoding);
  if (redaction === undefined) expect.fail(`${encoding} can be read`);
  const parts: Buffer[] = [];
  let bytes = 0;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (parts.length < 1000) parts.push(chunk);
      done();
    },
  });
  const error: unknown = await pipeline([Readable.from(chunks), ...redaction.stages, sink]).catch(
    (error: unknown) => error,
  );
  return { text: Buffer.concat(parts).toString(), error, bytes };
}

function* split(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const encodings = [
  { name: undefined, encode: (text: string) => Buffer.from(text) },
  { name: "identity", encode: (text: string) => Buffer.from(text) },
  { name: "gzip", encode: gzipSync },
  { name: "X-GZIP", encode: gzipSync },
  { name: "deflate", encode: deflateSync },
  { name: "deflate", encode: deflateRawSync },
  { name: "br", encode: brotliCompressSync },
  { name: "zstd", encode: zstdCompressSync },
  { name: "gzip, br", encode: (text: string) => brotliCompressSync(gzipSync(text)) },
];

describe("A body on its way to the client", () => {
  it.each(encodings)("P26 is looked through in $name", async ({ name, encode }) => {
    for (const size of [5, 100_000]) {
      const { text, error } = await run(split(encode(TEXT), size), name);
      expect(error).toBeUndefined();
      expect(text).toBe(TEXT.replaceAll(SECRET, "placeholder".padEnd(SECRET.length, "*")));
    }
    expect(redactBody(redactor, name)?.isDecoded).toBe(name !== undefined && name !== "identity");
  });

  it.each(["compress", "dcb", "gzip, gzip, gzip", "br, unknown", "__proto__"])("P30 is refused in %s", (name) => {
    expect(redactBody(redactor, name)).toBeUndefined();
  });

  it.each(["gzip", "br", "zstd", "deflate"])("P26 gives nothing away when %s breaks in the middle", async (name) => {
    const encode = encodings.find((encoding) => encoding.name === name)?.encode ?? gzipSync;
    const whole = encode(TEXT + SECRET);
    const broken = Buffer.concat([whole.subarray(0, whole.length - 12), Buffer.alloc(40, 0xff)]);
    const { text, error } = await run([broken], name);
    expect(error).toBeInstanceOf(Error);
    expect(text.includes(SECRET.slice(0, 12))).toBe(false);
  });

  it("P26 comes event by event from a compressed stream", async () => {
    const gzip = createGzip();
    const redaction = redactBody(redactor, "gzip");
    const output = redaction?.stages.reduce((from, to) => from.pipe(to), gzip as NodeJS.ReadWriteStream);
    if (output === undefined) expect.fail("gzip can be read");
    for (const event of ["data: one\n\n", "data: two\n\n"]) {
      const arrived = new Promise((resolve) => {
        output.once("data", (chunk: Buffer) => resolve(chunk.toString()));
      });
      gzip.write(event);
      gzip.flush(constants.Z_SYNC_FLUSH);
      expect(await arrived).toBe(event);
    }
    gzip.destroy();
  });

  it.each(["gzip", "br"])("P47 is destroyed when %s is a bomb", async (name) => {
    const zeros = Buffer.alloc(24 * 1024 * 1024);
    const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
    const bomb = name === "gzip" ? gzipSync(zeros) : brotliCompressSync(zeros, quick);
    const { error, bytes } = await run(split(bomb, 4096), name);
    expect(error).toBeInstanceOf(DecompressionLimitError);
    expect(bytes).toBeLessThan(18 * 1024 * 1024);
  });

  it("P47 of zstd may not ask for more than 8 MiB of window", async () => {
    const large = zstdCompressSync(Buffer.alloc(4096, "x"), {
      params: { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_contentSizeFlag]: 0 },
    });
    // A frame header of its own: magic, no content size, window of 2^27.
    const frame = Buffer.concat([large.subarray(0, 4), Buffer.from([0x00, (27 - 10) << 3, 0x01, 0x00, 0x00])]);
    const { error } = await run([frame], "zstd");
    expect(error).toBeInstanceOf(Error);
  });
});
