import type { CallOptions } from "./call-options.ts";
import type { ProcessExit, TerminalSize } from "./process.ts";

/** A piece of the agent's output. */
export interface TerminalChunk {
  /** Position of the first byte in all that the agent has written since it started (`bytes`), or since this stream was opened (`screen`). */
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** Which of a headless agent's streams it came from; with a terminal always `stdout`. */
  readonly source: "stdout" | "stderr";
  /** True for what was written before this stream was opened, and for bytes that only restore modes of what is no longer kept (those have length but no extent: the next chunk has the same sequence). */
  readonly isReplay: boolean;
}

export interface AgentTerminalOptions extends CallOptions {
  /** Output from this sequence on is replayed; older than what is kept → from the oldest kept. Default 0. Without meaning for `screen`. */
  readonly since?: number | undefined;
  /** The viewer's size; the terminal takes it at once. Default: the size stays (`bytes`), 80 × 24 (`screen`). */
  readonly size?: TerminalSize | undefined;
}

/**
 * One connection to the agent's own terminal. The terminal outlives it, the `Backend` object and the daemon. Several may be open at once and
 * all see the same output.
 */
export interface TerminalStream extends AsyncDisposable {
  /** Ends after the agent has ended and its last output was handed over, or after `close`. One reader. */
  readonly output: AsyncIterable<TerminalChunk>;
  /** Resolves with the agent's end, `undefined` when this stream was closed before. Never rejects. */
  readonly ended: Promise<ProcessExit | undefined>;
  /** Resolves when handed to the terminal. Rejects with `agent.ended` after the end. Bytes of one call stay together. */
  input(bytes: Uint8Array): Promise<void>;
  /** The agent gets one SIGWINCH; nothing happens when the size is as asked already. */
  resize(size: TerminalSize): Promise<void>;
  /** While paused no output is taken from the agent for this stream; an agent that fills the terminal's buffer waits. Without effect on `screen`. */
  setPaused(isPaused: boolean): Promise<void>;
  /** Idempotent. Frees the connection, nothing else. */
  close(): Promise<void>;
}
