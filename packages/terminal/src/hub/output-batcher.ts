/** Gathers small outputs, so that a busy terminal costs a message per few milliseconds, and an echo no wait. */
export interface OutputBatcher {
  add(bytes: Uint8Array): void;
  /** Sends what is gathered now. */
  flush(): void;
  close(): void;
}

/** Time a byte waits at most. */
const BATCH_MS = 4;
/** So much is sent at once within a batch's time: echoes, also of a fast typist or a pasted line. */
const ECHO_BYTES = 256;
/** What a message counts at least, so that they stay few. */
const MESSAGE_BYTES = 32;
/** A batch of this size does not wait. */
const FULL_BYTES = 65_536;

export function createOutputBatcher(send: (bytes: Uint8Array) => void): OutputBatcher {
  let parts: Uint8Array[] = [];
  let gathered = 0;
  let windowStartedAt = -Infinity;
  let sentInWindow = 0;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (gathered === 0) return;
    const [first] = parts;
    const bytes = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts, gathered);
    parts = [];
    gathered = 0;
    sentInWindow += Math.max(bytes.byteLength, MESSAGE_BYTES);
    send(bytes);
  }

  return {
    flush,
    add(bytes) {
      const now = performance.now();
      if (now - windowStartedAt >= BATCH_MS) {
        windowStartedAt = now;
        sentInWindow = 0;
      }
      const isEcho = gathered === 0 && sentInWindow + bytes.byteLength <= ECHO_BYTES;
      parts.push(bytes);
      gathered += bytes.byteLength;
      if (gathered >= FULL_BYTES || isEcho) flush();
      else timer ??= setTimeout(flush, BATCH_MS);
    },
    close() {
      clearTimeout(timer);
      parts = [];
      gathered = 0;
    },
  };
}
