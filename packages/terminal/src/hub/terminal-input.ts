import type { Logger, TerminalSize, TerminalStream } from "@clauderon/core/contract";
import { ClauderonError } from "@clauderon/core/contract";

/** What goes into a terminal, in order. */
export interface TerminalInput {
  /** `false` when so much waits already that this was not taken. */
  write(bytes: Uint8Array, done: () => void): boolean;
  /** An answer to a query. */
  reply(data: string): void;
  /** Of several sizes in a row the last one counts. */
  resize(size: TerminalSize): void;
}

/** Input that may wait for an agent that reads none. */
const WAITING_BYTES = 4 * 1024 * 1024;

export function createTerminalInput(options: {
  readonly stream: TerminalStream;
  readonly logger: Logger;
}): TerminalInput {
  const { stream, logger } = options;
  let chain: Promise<void> = Promise.resolve();
  let waitingBytes = 0;
  let nextSize: TerminalSize | undefined;

  function enqueue(action: () => Promise<void>, subject: string): void {
    chain = chain.then(action).catch((error: unknown) => {
      if (!ClauderonError.isInstance(error, "agent.ended")) logger.warn({ error }, subject);
    });
  }

  return {
    write(bytes, done) {
      if (waitingBytes + bytes.byteLength > WAITING_BYTES) return false;
      waitingBytes += bytes.byteLength;
      enqueue(async () => {
        try {
          await stream.input(bytes);
          done();
        } finally {
          waitingBytes -= bytes.byteLength;
        }
      }, "input did not reach the terminal");
      return true;
    },
    reply(data) {
      enqueue(() => stream.input(Buffer.from(data)), "an answer did not reach the terminal");
    },
    resize(size) {
      const isWaiting = nextSize !== undefined;
      nextSize = size;
      if (isWaiting) return;
      enqueue(async () => {
        const latest = nextSize;
        nextSize = undefined;
        if (latest !== undefined) await stream.resize(latest);
      }, "the terminal could not be resized");
    },
  };
}
