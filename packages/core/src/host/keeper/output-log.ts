const JOINED_BYTES = 4096;

/** A piece of what was written. */
export interface LoggedOutput {
  readonly sequence: number;
  readonly bytes: Buffer;
  readonly source: "stdout" | "stderr";
}

/** The latest output, by position in all that was ever written. */
export class OutputLog {
  readonly #keptBytes: number;
  readonly #pieces: LoggedOutput[] = [];
  #total = 0;

  constructor(keptBytes: number) {
    this.#keptBytes = keptBytes;
  }

  /** The position after the last byte. */
  get total(): number {
    return this.#total;
  }

  append(bytes: Buffer, source: LoggedOutput["source"]): void {
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.source === source && last.bytes.length + bytes.length <= JOINED_BYTES) {
      this.#pieces[this.#pieces.length - 1] = { ...last, bytes: Buffer.concat([last.bytes, bytes]) };
    } else {
      this.#pieces.push({ sequence: this.#total, bytes, source });
    }
    this.#total += bytes.length;
    let first = this.#pieces[0];
    while (first !== undefined && first.sequence + first.bytes.length < this.#total - this.#keptBytes) {
      this.#pieces.shift();
      first = this.#pieces[0];
    }
  }

  /** The piece at the position, or the oldest kept after it; `undefined` at the end. */
  at(sequence: number): LoggedOutput | undefined {
    if (sequence >= this.#total) return undefined;
    // From the end: viewers are usually there.
    const piece = this.#pieces.findLast((candidate) => candidate.sequence <= sequence) ?? this.#pieces[0];
    if (piece === undefined || piece.sequence >= sequence) return piece;
    return { ...piece, sequence, bytes: piece.bytes.subarray(sequence - piece.sequence) };
  }

  text(lines: number): string {
    return plainText(Buffer.concat(this.#pieces.map((piece) => piece.bytes)).toString("utf8"), lines);
  }
}

// CSI, OSC (ended by BEL or ST), and the other short sequences of ECMA-48.
const escapes =
  // oxlint-disable-next-line no-control-regex
  /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[PX^_][^\u001B]*\u001B\\|[ -/]*[0-~])/gu;

// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000B-\u001F\u007F]/gu;

function plainText(output: string, lines: number): string {
  const rows = output
    .replace(escapes, "")
    .split("\n")
    .map((row) => row.replace(/\r+$/u, "").split("\r").at(-1) ?? "")
    .map((row) => row.replace(controls, "").trimEnd());
  while (rows.at(-1) === "") rows.pop();
  return rows.slice(-lines).join("\n");
}
