import type { Access } from "./command/access.ts";
import type { Keyboard, Prompts } from "./command/command-context.ts";
import type { OutputStream } from "./output/output.ts";

/** The process around a command, so that tests can stand in for it. */
export interface Host {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly keyboard: Keyboard;
  readonly prompts: Prompts;
  readonly environment: Readonly<Record<string, string>>;
  readonly currentDirectory: string;
  readonly access: Access;
  /** Listens to SIGINT, SIGTERM and SIGHUP until disposed. */
  onSignal(listener: (signal: NodeJS.Signals) => void): Disposable;
  /** Ends the process without waiting for anything. */
  exit(code: number): void;
  terminalRows(): number;
}
