import type { SourceName } from "./host-protocol.ts";
import { ModeScanner } from "./mode-scanner.ts";

const blockBytes = 16 * 1024;
/** What a block costs besides its bytes. */
const blockOverheadBytes = 256;

interface Block {
  readonly sequence: number;
  readonly source: SourceName;
  bytes: Buffer;
  length: number;
}

/** A stretch of output from one source. */
export interface RingSlice {
  readonly sequence: number;
  readonly source: SourceName;
  /** One after the other. */
  readonly parts: readonly Uint8Array[];
  readonly length: number;
}

/**
 * The latest output of an agent, numbered from its first byte. Grows by blocks up to a limit; then the oldest go, and what they switched on is kept
 * as a prelude.
 */
export class ReplayRing {
  readonly #limitBytes: number;
  readonly #scanner = new ModeScanner();
  #blocks: Block[] = [];
  #heldBytes = 0;
  #end = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Sequence of the oldest byte kept. */
  get start(): number {
    return this.#blocks[0]?.sequence ?? this.#end;
  }

  /** Sequence of the next byte to come. */
  get end(): number {
    return this.#end;
  }

  /** Memory in use. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  append(bytes: Uint8Array, source: SourceName): void {
    let offset = 0;
    while (offset < bytes.length) {
      const block = this.#writable(source);
      const count = Math.min(block.bytes.length - block.length, bytes.length - offset);
      block.bytes.set(bytes.subarray(offset, offset + count), block.length);
      block.length += count;
      this.#end += count;
      offset += count;
    }
  }

  /** What restores the modes of the output before `start`; empty while nothing is gone. */
  prelude(): Uint8Array {
    return this.start === 0 ? new Uint8Array() : this.#scanner.prelude();
  }

  /** Output from the sequence on, at most so many bytes, from one source; `undefined` at the end. */
  slice(from: number, maximumBytes: number): RingSlice | undefined {
    let index = this.#find(from);
    const first = this.#blocks[index];
    if (first === undefined || from >= this.#end) return undefined;
    const sequence = Math.max(from, first.sequence);
    const { source } = first;
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let block: Block | undefined = first; block?.source === source && length < maximumBytes;) {
      const offset = sequence + length - block.sequence;
      const part = block.bytes.subarray(offset, Math.min(block.length, offset + maximumBytes - length));
      if (part.length > 0) parts.push(part);
      length += part.length;
      index += 1;
      block = this.#blocks[index];
    }
    return { sequence, source, parts, length };
  }

  #find(sequence: number): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#blocks[middle]?.sequence ?? 0) <= sequence) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #writable(source: SourceName): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.source === source && last.length < last.bytes.length) return last;
    if (last !== undefined && last.length < last.bytes.length) this.#shrink(last);
    while (this.#blocks.length > 0 && this.#heldBytes + blockBytes + blockOverheadBytes > this.#limitBytes)
      this.#evict();
    const block: Block = { sequence: this.#end, source, bytes: Buffer.allocUnsafeSlow(blockBytes), length: 0 };
    this.#blocks.push(block);
    this.#heldBytes += blockBytes + blockOverheadBytes;
    return block;
  }

  #shrink(block: Block): void {
    const exact = Buffer.allocUnsafeSlow(block.length);
    block.bytes.copy(exact, 0, 0, block.length);
    this.#heldBytes -= block.bytes.length - block.length;
    block.bytes = exact;
  }

  #evict(): void {
    const block = this.#blocks.shift();
    if (block === undefined) return;
    this.#heldBytes -= block.bytes.length + blockOverheadBytes;
    this.#scanner.scan(block.bytes.subarray(0, block.length));
  }
}
