/** Gathers small outputs, so that a busy terminal costs a message per few milliseconds, and an echo no wait. */
export interface OutputBatcher {
  add(bytes: Uint8Array): void;
  /** Sends what is gathered now. */
  flush(): void;
  close(): void;
}

/** Time a byte waits at most. */
const BATCH_MS = 4;
/** What is sent at once when nothing was sent within the last batch's time. */
const ECHO_BYTES = 256;
/** A batch of this size does not wait. */
const FULL_BYTES = 65_536;

export function createOutputBatcher(send: (bytes: Uint8Array) => void): OutputBatcher {
  let parts: Uint8Array[] = [];
  let gathered = 0;
  let lastSentAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (gathered === 0) return;
    const [first] = parts;
    const bytes = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts, gathered);
    parts = [];
    gathered = 0;
    lastSentAt = performance.now();
    send(bytes);
  }

  return {
    flush,
    add(bytes) {
      const isIdle = gathered === 0 && performance.now() - lastSentAt >= BATCH_MS;
      parts.push(bytes);
      gathered += bytes.byteLength;
      if (gathered >= FULL_BYTES || (isIdle && gathered <= ECHO_BYTES)) flush();
      else timer ??= setTimeout(flush, BATCH_MS);
    },
    close() {
      clearTimeout(timer);
      parts = [];
      gathered = 0;
    },
  };
}
