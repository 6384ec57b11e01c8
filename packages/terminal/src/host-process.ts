import type { HostExit, HostTerminalSize, SourceName } from "./host-protocol.ts";

/** What a process tells its owner. */
export interface HostProcessEvents {
  /** The bytes are the receiver's only during the call. */
  output(source: SourceName, bytes: Buffer): void;
  /** Once, after the last output. */
  end(exit: HostExit): void;
}

export interface HostProcessOptions {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A process of a sandbox, with a terminal or with pipes. */
export interface HostProcess {
  readonly processId: number;
  /** Calls back when the bytes were taken, or can never be. */
  write(bytes: Buffer, done: () => void): void;
  endInput(): void;
  /** Whether output of that source is read; what is not read makes the process wait. */
  setFlowing(source: SourceName, isFlowing: boolean): void;
  resize(size: HostTerminalSize): void;
}

/** To the process's whole group; nothing happens when it is gone. */
export function signalProcessGroup(processId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-processId, signal);
  } catch {
    // The group has ended.
  }
}
