import type { CallOptions } from "./call-options.ts";

export interface CommandOptions extends CallOptions {
  readonly cwd?: string | undefined;
  /** The whole environment of the process; default: this process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Fed to standard input; default: none (end of file at once). */
  readonly input?: string | Uint8Array | undefined;
  /** SIGTERM, and SIGKILL 2 s later, after so many milliseconds; then rejects with `operation.timeout`. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** More output than this rejects with `command.failed` after the process was killed. Default 16 MiB. */
  readonly maxOutputBytes?: number | undefined;
}

export interface CommandResult {
  /** 128 + n when signal n ended it. */
  readonly exitCode: number;
  /** UTF-8, nothing trimmed. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs helper programs (git, zellij, …) of this machine. Arguments only: there is no way to pass a shell string. */
export interface CommandRunner {
  /**
   * Resolves whatever the exit code. Rejects with `command.not-found` when the program is missing, `operation.timeout`, or the signal's reason; unlike
   * elsewhere, an abort here kills the process first: nothing is left running.
   */
  run(program: string, args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Like `run`, for binary or long output: chunks of standard output as they come. The last one is followed by a rejection with `command.failed` when the exit code is not 0. */
  stream(program: string, args: readonly string[], options?: CommandOptions): AsyncIterable<Uint8Array>;
}
