/** Lets a sender be ahead of its reader by so many bytes and no more. */
export interface SendWindow {
  /** Resolves when these bytes may be sent; counts them as sent. */
  take(bytes: number): Promise<void>;
  /** The reader has read so many in all. */
  acknowledge(total: number): void;
  /** Lets every waiting and later sender pass. */
  close(): void;
}

export function createSendWindow(sizeBytes: number): SendWindow {
  let sent = 0;
  let read = 0;
  let isClosed = false;
  let wake: (() => void) | undefined;
  const isFull = (): boolean => !isClosed && sent - read >= sizeBytes;
  return {
    async take(bytes) {
      while (isFull()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      sent += bytes;
    },
    acknowledge(total) {
      read = Math.max(read, Math.min(total, sent));
      wake?.();
    },
    close() {
      isClosed = true;
      wake?.();
    },
  };
}
