import type { CallOptions } from "./call-options.ts";

/** Characters, at least 1 × 1. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A POSIX signal by name. */
export type ProcessSignal =
  | "SIGHUP"
  | "SIGINT"
  | "SIGQUIT"
  | "SIGKILL"
  | "SIGTERM"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGCONT"
  | "SIGSTOP"
  | "SIGWINCH";

export interface ExecOptions extends CallOptions {
  /** Absolute, or relative to the workspace; default: the workspace. */
  readonly cwd?: string | undefined;
  /** Added to the sandbox's environment; wins over it. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** `pipe`: the handle's `stdin` feeds it, and closing that ends it. Default `ignore`: end of file at once. */
  readonly stdin?: "pipe" | "ignore" | undefined;
  /** With a size the process gets a terminal of that size: all output comes as `stdout`, `stdin` is the keyboard. */
  readonly terminal?: TerminalSize | undefined;
  /** After so many milliseconds the process is killed (SIGKILL, its whole process group) and `exit` says `isTimedOut`. */
  readonly timeoutMs?: number | undefined;
}

/** How a process ended. */
export interface ProcessExit {
  /** The process's own code; 128 + n when signal n ended it; 126 not invocable; 127 not found. */
  readonly exitCode: number;
  /** The signal that ended it, when the backend can tell. */
  readonly signal?: string | undefined;
  readonly isTimedOut: boolean;
}

/**
 * A running process. The reader must read both streams (or cancel them): they exert back-pressure. Dropping the handle, aborting a call or
 * losing the connection never kills the process.
 */
export interface ProcessHandle {
  /** Closed from the start unless `stdin: "pipe"` or a terminal was asked for. */
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  /** Empty with a terminal. */
  readonly stderr: ReadableStream<Uint8Array>;
  /** Resolves after the process has ended and all its output has been handed over. Rejects only when the outcome cannot be known any more; a rejection that nobody awaits is never unhandled. */
  readonly exit: Promise<ProcessExit>;
  /** To the process's whole group; default SIGTERM. Resolves when sent; no error when it has ended already. */
  kill(signal?: ProcessSignal): Promise<void>;
  /** Without effect unless a terminal was asked for. */
  resize(size: TerminalSize): Promise<void>;
}
