import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";

/** Shows the decoded bytes of a body to an onlooker. Never throws, never waits. */
export interface BodyDecoder {
  write(chunk: Uint8Array): void;
  /** Calls back when all that was written has been shown. */
  end(onEnd: () => void): void;
}

/** Most bytes that may wait to be decoded; an onlooker gives up rather than hold more. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/** `undefined` = the encoding is unknown, or several are stacked. */
export function createBodyDecoder(
  contentEncoding: string | undefined,
  onBytes: (bytes: Uint8Array) => void,
): BodyDecoder | undefined {
  const encoding = (contentEncoding ?? "").trim().toLowerCase();
  if (encoding === "" || encoding === "identity") {
    return { write: onBytes, end: (onEnd) => onEnd() };
  }
  const decoder = Object.hasOwn(decoders, encoding) ? decoders[encoding]?.() : undefined;
  return decoder && observe(decoder, onBytes);
}

function observe(decoder: Transform, onBytes: (bytes: Uint8Array) => void): BodyDecoder {
  let isOver = false;
  let onDone: (() => void) | undefined;
  const over = (): void => {
    if (isOver) return;
    isOver = true;
    onDone?.();
  };
  decoder.on("data", onBytes);
  decoder.on("end", over).on("close", over);
  // What cannot be decoded is no concern of an onlooker: it saw what there was.
  decoder.on("error", over);
  return {
    write(chunk) {
      if (isOver) return;
      if (decoder.writableLength > MAX_WAITING_BYTES) decoder.destroy();
      // The chunk is valid during the call alone.
      else decoder.write(Buffer.from(chunk));
    },
    end(onEnd) {
      onDone = onEnd;
      if (isOver) onEnd();
      else decoder.end();
    },
  };
}
