import type { Readable } from "node:stream";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";

const QUIET_MS = 250;

/** One output stream of a child, with back-pressure. Cancelling it discards what still comes; the child goes on. */
export interface ProcessOutput {
  readonly stream: ReadableStream<Uint8Array>;
  /** Resolves when all was handed over. */
  readonly ended: Promise<void>;
  /** The child has ended: what it wrote is handed over, a background process that keeps the pipe open is not waited for. */
  finish(): void;
}

export function processOutput(source: Readable): ProcessOutput {
  const ended = Promise.withResolvers<void>();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isWanted = false;
  let received = 0;
  const end = (): void => {
    try {
      controller?.close();
    } catch {
      // Cancelled by the reader before.
    }
    controller = undefined;
    ended.resolve();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
      },
      pull() {
        isWanted = true;
        source.resume();
      },
      cancel() {
        controller = undefined;
        isWanted = true;
        source.resume();
      },
    },
    { highWaterMark: 64 * 1024, size: (chunk) => chunk.byteLength },
  );
  source.on("data", (chunk: Buffer) => {
    received += 1;
    if (controller === undefined) return;
    controller.enqueue(chunk);
    if ((controller.desiredSize ?? 0) > 0) return;
    isWanted = false;
    source.pause();
  });
  source.once("end", end);
  source.once("close", end);
  source.once("error", end);
  source.pause();
  if (isWanted) source.resume();
  const finish = async (before = -1): Promise<void> => {
    await Promise.race([delay(QUIET_MS, undefined, { ref: false }), ended.promise]);
    await turn();
    if (source.readableEnded || source.destroyed) return;
    if (isWanted && before === received) source.destroy();
    else await finish(received);
  };
  return { stream, ended: ended.promise, finish: () => void finish() };
}

/** A stream that is closed from the start. */
export function closedReadable(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}

/** A stream that can be closed but takes nothing. */
export function closedWritable(): WritableStream<Uint8Array> {
  const stream = new WritableStream<Uint8Array>();
  void stream.close();
  return stream;
}
