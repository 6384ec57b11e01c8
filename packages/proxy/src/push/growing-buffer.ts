/** Bytes that arrive in pieces and are read from the front. */
export interface GrowingBuffer {
  readonly length: number;
  append(chunk: Uint8Array): void;
  /** What is there; valid until the next call. */
  view(): Buffer;
  /** Removes bytes from the front. */
  drop(count: number): void;
}

/** Appending costs amortised constant time per byte, however small the pieces are. */
export function createGrowingBuffer(): GrowingBuffer {
  let bytes: Buffer = Buffer.alloc(0);
  let start = 0;
  let end = 0;
  return {
    get length() {
      return end - start;
    },
    append(chunk) {
      if (end + chunk.length > bytes.length) {
        const grown = Buffer.allocUnsafe(Math.max(4096, (end - start + chunk.length) * 2));
        bytes.copy(grown, 0, start, end);
        bytes = grown;
        end -= start;
        start = 0;
      }
      bytes.set(chunk, end);
      end += chunk.length;
    },
    view: () => bytes.subarray(start, end),
    drop(count) {
      start += Math.min(count, end - start);
    },
  };
}
