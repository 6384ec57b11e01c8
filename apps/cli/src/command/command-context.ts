import type { Client } from "@clauderon/core/client";
import type { TerminalSize } from "@clauderon/core/contract";

import type { Output } from "../output/output.ts";
import type { Access } from "./access.ts";

/** What is asked of the user; each method is only called when `canPrompt`. */
export interface Prompts {
  confirm(question: string): Promise<boolean>;
  /** What is typed is not shown. */
  password(question: string): Promise<string>;
  select(question: string, choices: readonly { readonly value: string; readonly hint?: string }[]): Promise<string>;
}

/** The keyboard side of the process. */
export interface Keyboard {
  readonly isTerminal: boolean;
  readonly stream: NodeJS.ReadStream;
}

/** Global flags, before or after the command. */
export interface GlobalFlags {
  readonly isQuiet: boolean;
  readonly isJson: boolean;
  readonly jsonFields: readonly string[] | undefined;
  readonly isColorless: boolean;
  readonly mayPrompt: boolean;
  readonly isYes: boolean;
  readonly isDebug: boolean;
}

/** Everything a command may touch. */
export interface CommandContext {
  readonly flags: GlobalFlags;
  readonly output: Output;
  readonly keyboard: Keyboard;
  readonly prompts: Prompts;
  /** Both ends are terminals and nobody forbade questions. */
  readonly canPrompt: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly currentDirectory: string;
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  /** From now on Ctrl-C, SIGTERM and SIGHUP go to the listener instead of ending the command. */
  handleSignals(listener: (signal: NodeJS.Signals) => void): Disposable;
  readonly access: Access;
  /** The daemon, started when it does not run. */
  client(): Promise<Client>;
  /** Of standard output. */
  terminalSize(): TerminalSize;
}
