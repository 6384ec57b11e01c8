import type { Settings, SettingValue } from "@clauderon/core";
import type { Agent, Clauderon, ProcessExit, Session, TerminalChunk, TerminalSize } from "@clauderon/core/contract";

/** What the running daemon wrote down about itself. */
export interface DaemonRecord {
  readonly pid: number;
  readonly url: string;
  readonly version: string;
  readonly home: string;
  readonly startedAt: string;
}

/** One viewer's connection to an agent's terminal. */
export interface AttachedTerminal extends AsyncDisposable {
  readonly output: AsyncIterable<Pick<TerminalChunk, "bytes">>;
  /** Resolves with the agent's end; `undefined` when the view was closed by somebody. */
  readonly ended: Promise<ProcessExit | undefined>;
  /** Told in words: who controls, why input is ignored. */
  readonly notices: AsyncIterable<string>;
  input(bytes: Uint8Array): Promise<void>;
  resize(size: TerminalSize): Promise<void>;
  close(): Promise<void>;
}

export interface AttachRequest {
  readonly size: TerminalSize;
  readonly isReadOnly: boolean;
  readonly takesControl: boolean;
}

/**
 * All that the commands need of the rest of clauderon. The one implementation is `core-access.ts`; every method loads what it needs when it is
 * called, so that `--help` and completion stay fast.
 */
export interface Access {
  /** `CLAUDERON_HOME`, else `~/.clauderon`. */
  readonly homeDirectory: string;
  /** The daemon, started when it does not run; `onStart` hears of that. */
  connect(options: { readonly signal: AbortSignal; readonly onStart: (text: string) => void }): Promise<Clauderon>;
  /** Only when it runs already. */
  connectRunning(signal: AbortSignal): Promise<Clauderon | undefined>;
  attach(session: Session, request: AttachRequest): Promise<AttachedTerminal>;
  /** Drops every viewer of the session; resolves with their number. */
  detachViewers(session: Session): Promise<number>;

  /** The configuration in force. */
  settings(): Promise<Settings>;
  /** One setting; rejects with the nearest key for one that does not exist. */
  setting(key: string): Promise<SettingValue>;
  setSetting(key: string, value: string): Promise<void>;
  readonly settingsPath: string;
  /** The built-in ones and those of the configuration. */
  agents(): Promise<readonly Agent[]>;

  daemonRecord(): Promise<DaemonRecord | undefined>;
  startDaemon(signal: AbortSignal): Promise<{ readonly record: DaemonRecord; readonly isNew: boolean }>;
  /** Resolves when it is gone; false when none ran. */
  stopDaemon(signal: AbortSignal): Promise<boolean>;
  /** Until a signal ends it. */
  runDaemon(): Promise<number>;
  crashPointNames(): Promise<readonly string[]>;
  token(): Promise<string>;
}
