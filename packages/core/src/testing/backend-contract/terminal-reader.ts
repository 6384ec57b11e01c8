import assert from "node:assert/strict";

import type { TerminalChunk, TerminalStream } from "../../contract/index.ts";

/** Reads a terminal's output from the moment it is made, and keeps it. */
export class TerminalReader {
  readonly stream: TerminalStream;
  readonly chunks: TerminalChunk[] = [];
  /** Resolves when the output has ended. */
  readonly done: Promise<void>;

  constructor(stream: TerminalStream) {
    this.stream = stream;
    this.done = this.#read();
    // A reader that is not waited for must not end the whole run; whoever waits for `done` sees the failure.
    this.done.catch(() => undefined);
  }

  /** All output in order. Fails when a piece is missing or comes twice. */
  bytes(source?: TerminalChunk["source"]): Buffer {
    const parts: Uint8Array[] = [];
    let expected: number | undefined;
    for (const [index, chunk] of this.chunks.entries()) {
      if (index === 0 && isWithoutExtent(chunk, this.chunks[1])) continue;
      if (expected !== undefined) assert.equal(chunk.sequence, expected, "the output has neither a gap nor an overlap");
      expected = chunk.sequence + chunk.bytes.length;
      if (source === undefined || chunk.source === source) parts.push(chunk.bytes);
    }
    return Buffer.concat(parts);
  }

  /** What was read, whatever the sequence numbers say. */
  text(): string {
    return Buffer.concat(this.chunks.map((chunk) => chunk.bytes)).toString("utf8");
  }

  /** The sequence after the last byte. */
  next(): number {
    const last = this.chunks.at(-1);
    return last === undefined ? 0 : last.sequence + last.bytes.length;
  }

  async #read(): Promise<void> {
    for await (const chunk of this.stream.output) this.chunks.push(chunk);
  }
}

const ESCAPE = 0x1b;

/** A replay may begin with control sequences that restore modes: they have length, but the next chunk has the same sequence. */
function isWithoutExtent(chunk: TerminalChunk, next: TerminalChunk | undefined): boolean {
  return chunk.isReplay && chunk.bytes[0] === ESCAPE && next?.sequence === chunk.sequence;
}
