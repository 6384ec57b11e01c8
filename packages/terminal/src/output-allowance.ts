import type { HostFrame } from "./host-frame.ts";
import { HostError, hostLimits, outputFlags, sources, type SourceName } from "./host-protocol.ts";

const headBytes = 10;

/** A stretch of output as it came. */
export interface OutputFrame {
  readonly source: SourceName;
  readonly isReplay: boolean;
  readonly sequence: number;
  readonly bytes: Buffer;
}

/** What a host may still send on a stream: more than was granted would pile up here, and costs it the connection. */
export class OutputAllowance {
  readonly #allowed: Record<SourceName, number> = {
    stdout: hostLimits.outputWindowBytes,
    stderr: hostLimits.outputWindowBytes,
  };
  /** An agent's sources share what is granted; an exec's do not. */
  readonly #isShared: boolean;

  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  grant(source: SourceName, bytes: number): void {
    this.#allowed[this.#isShared ? "stdout" : source] += bytes;
  }

  /** Reads an output frame. Throws on one that must not be. */
  take({ payload }: HostFrame): OutputFrame {
    const bytes = payload.subarray(headBytes);
    if (bytes.length === 0 || bytes.length > hostLimits.outputBytes) throw violation("Output of no or too many bytes");
    const number = payload.readUInt8(0);
    if (number !== sources.stdout && number !== sources.stderr) throw violation(`Output of a source ${number}`);
    const source = number === sources.stderr ? "stderr" : "stdout";
    const sequence = Number(payload.readBigUInt64BE(2));
    if (!Number.isSafeInteger(sequence)) throw violation("Output beyond all numbers");
    const account = this.#isShared ? "stdout" : source;
    this.#allowed[account] -= bytes.length;
    if (this.#allowed[account] < 0) throw violation("More output than was granted");
    return { source, isReplay: (payload.readUInt8(1) & outputFlags.replay) !== 0, sequence, bytes };
  }
}

function violation(what: string): HostError {
  return new HostError("request.refused", `${what} came from the host`);
}
