import type { TtyClientFrame } from "../wire/tty-frames.ts";

/** Keys and pastes on their way: kept until applied, sent again after a lost connection, applied once. */
export interface TtyInput {
  /** Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Everything up to the sequence has reached the terminal. */
  applied(sequence: number): void;
  /** Another viewer has control: this and what follows it is dropped. */
  refused(sequence: number): void;
  /** Connected (again): what came after the last applied input is sent again. */
  resume(lastApplied: number): void;
  close(): void;
}

const PIECE_BYTES = 32_768;
/** What may be under way; a paste larger than this waits. */
const WINDOW_BYTES = 262_144;

export function createTtyInput(send: (frame: TtyClientFrame) => void): TtyInput {
  let last = 0;
  let pending: { readonly sequence: number; readonly bytes: Uint8Array }[] = [];
  let pendingBytes = 0;
  let isClosed = false;
  let waiting: (() => void)[] = [];

  function drop(isDone: (sequence: number) => boolean): void {
    pending = pending.filter(({ sequence, bytes }) => {
      if (!isDone(sequence)) return true;
      pendingBytes -= bytes.byteLength;
      return false;
    });
    wake();
  }
  function wake(): void {
    const ready = waiting;
    waiting = [];
    for (const resolve of ready) resolve();
  }

  const isFull = (): boolean => !isClosed && pendingBytes >= WINDOW_BYTES;

  return {
    async write(bytes) {
      for (let from = 0; from < bytes.byteLength; from += PIECE_BYTES) {
        while (isFull()) {
          await new Promise<void>((resolve) => {
            waiting.push(resolve);
          });
        }
        if (isClosed) return;
        const piece = bytes.slice(from, from + PIECE_BYTES);
        last += 1;
        pending.push({ sequence: last, bytes: piece });
        pendingBytes += piece.byteLength;
        send({ type: "input", sequence: last, bytes: piece });
      }
    },
    applied: (sequence) => drop((candidate) => candidate <= sequence),
    refused: (sequence) => drop((candidate) => candidate === sequence),
    resume(lastApplied) {
      drop((candidate) => candidate <= lastApplied);
      for (const { sequence, bytes } of pending) send({ type: "input", sequence, bytes });
    },
    close() {
      isClosed = true;
      wake();
    },
  };
}
