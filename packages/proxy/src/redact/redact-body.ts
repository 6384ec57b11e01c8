import { Transform, type TransformCallback } from "node:stream";
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from "node:zlib";

import type { Redactor } from "./create-redactor.ts";

export interface BodyRedaction {
  /** In the order in which the body goes through them (`stream.pipeline`). */
  readonly stages: readonly Transform[];
  /** True when the body comes out without its encoding: `Content-Encoding`, `Content-Length` and a strong `ETag` no longer hold. */
  readonly isDecoded: boolean;
}

/** An answer that grows beyond any use of compression; its stream is destroyed with this. */
export class DecompressionLimitError extends Error {
  constructor(ratio: number) {
    super(`the answer grows more than ${ratio} times when it is decompressed`);
    this.name = "DecompressionLimitError";
  }
}

const MAX_ENCODINGS = 2;
const MAX_RATIO = 256;
/** Small answers may grow as they like. */
const FREE_BYTES = 16 * 1024 * 1024;
/** RFC 9659: 8 MiB are enough for every `zstd` on the web. */
const ZSTD_WINDOW_LOG = 23;

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createDeflateDecoder,
  br: createBrotliDecompress,
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } }),
};

/** What may be asked of an upstream whose answers have to be looked through. */
export const REDACTABLE_ENCODINGS = "gzip, deflate, br, zstd";

/** `undefined` = nobody here can read that encoding: the answer must be refused. */
export function redactBody(redactor: Redactor, contentEncoding: string | undefined): BodyRedaction | undefined {
  const encodings = (contentEncoding ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
  if (encodings.length > MAX_ENCODINGS || encodings.some((name) => !Object.hasOwn(decoders, name))) return undefined;
  const stages = encodings.toReversed().flatMap((name) => limited(decoders[name]?.()));
  return { stages: [...stages, createRedactionStage(redactor)], isDecoded: stages.length > 0 };
}

function createRedactionStage(redactor: Redactor): Transform {
  const stream = redactor.start();
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const part of stream.write(chunk)) this.push(part);
      done();
    },
    // Not called when a stage before it failed: then nothing more is sent.
    flush(done) {
      for (const part of stream.end()) this.push(part);
      done();
    },
  });
}

/** Counts before and after a decoder. */
function limited(decoder: Transform | undefined): readonly Transform[] {
  if (decoder === undefined) return [];
  let read = 0;
  let written = 0;
  const before = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      read += chunk.length;
      done(null, chunk);
    },
  });
  const after = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      written += chunk.length;
      const isBomb = written > FREE_BYTES && written > read * MAX_RATIO;
      done(isBomb ? new DecompressionLimitError(MAX_RATIO) : null, chunk);
    },
  });
  return [before, decoder, after];
}

/** RFC 9110 means zlib's format by `deflate`; some servers send it raw. The first byte tells. */
function createDeflateDecoder(): Transform {
  let inner: Transform | undefined;
  const start = (outer: Transform, first: number): Transform => {
    const decoder = (first & 0x0f) === 8 ? createInflate() : createInflateRaw();
    decoder.on("data", (chunk: Buffer) => outer.push(chunk)).on("error", (error) => outer.destroy(error));
    return decoder;
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      inner ??= start(this, chunk[0] ?? 0);
      inner.write(chunk, done);
    },
    flush(done) {
      if (inner === undefined) done();
      else inner.once("end", () => done()).end();
    },
    destroy(error, done) {
      inner?.destroy();
      done(error);
    },
  });
}
