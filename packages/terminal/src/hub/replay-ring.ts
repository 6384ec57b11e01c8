/** The latest output of a terminal by sequence number, at most `capacityBytes` of it. */
export interface ReplayRing {
  /** Sequence after the last byte. */
  readonly end: number;
  /**
   * Bytes that begin at `sequence`. A sequence before `end` replaces what is held from there on (bytes that only restored modes have no
   * extent); one after `end` forgets everything: there is a gap.
   */
  append(sequence: number, bytes: Uint8Array): void;
  /** Everything from `sequence` to `until`; `undefined` when the beginning is no longer, or not yet, held. */
  tail(sequence: number, until?: number): readonly Uint8Array[] | undefined;
}

interface Piece {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

export function createReplayRing(capacityBytes: number): ReplayRing {
  let pieces: Piece[] = [];
  let held = 0;
  let end = 0;

  function truncate(sequence: number): void {
    const kept: Piece[] = [];
    for (const piece of pieces) {
      if (piece.sequence >= sequence) break;
      kept.push({ sequence: piece.sequence, bytes: piece.bytes.subarray(0, sequence - piece.sequence) });
    }
    pieces = kept;
    held = kept.reduce((total, piece) => total + piece.bytes.byteLength, 0);
  }

  return {
    get end() {
      return end;
    },
    append(sequence, bytes) {
      if (sequence < end) truncate(sequence);
      else if (sequence > end) truncate(0);
      if (bytes.byteLength > 0) pieces.push({ sequence, bytes });
      held += bytes.byteLength;
      end = sequence + bytes.byteLength;
      let dropped = 0;
      for (const piece of pieces) {
        if (held <= capacityBytes) break;
        held -= piece.bytes.byteLength;
        dropped += 1;
      }
      if (dropped > 0) pieces.splice(0, dropped);
    },
    tail(sequence, until = end) {
      if (sequence === end) return [];
      const [first] = pieces;
      if (first === undefined || sequence < first.sequence || sequence > end) return undefined;
      const parts: Uint8Array[] = [];
      for (const piece of pieces) {
        const from = Math.max(0, sequence - piece.sequence);
        const to = Math.min(piece.bytes.byteLength, until - piece.sequence);
        if (from < to) parts.push(piece.bytes.subarray(from, to));
      }
      return parts;
    },
  };
}
