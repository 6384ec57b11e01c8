import type { Client, DaemonAddress, Settings } from "@clauderon/core/client";
import type { Agent, CreateSessionRequest } from "@clauderon/core/contract";
import type { SetupScript, SetupTrust } from "@clauderon/core/host";
import type { ProxyHome } from "@clauderon/proxy";
import type { FailedStart, ProxyClient } from "@clauderon/proxy/client";

/** What the running daemon wrote down about itself. */
export type DaemonRecord = DaemonAddress["file"];
export type SettingValue = Settings["values"][number];

/**
 * All that the commands need of the rest of clauderon. The one implementation is `core-access.ts`; every method loads what it needs when it is
 * called, so that `--help` and completion stay fast.
 */
export interface Access {
  /** `CLAUDERON_HOME`, else `~/.clauderon`. */
  homeDirectory(): Promise<string>;
  /** The daemon, started when it does not run; `onStart` hears of that. */
  connect(options: { readonly signal: AbortSignal; readonly onStart: () => void }): Promise<Client>;
  /** Only when it runs already. */
  connectRunning(signal: AbortSignal): Promise<Client | undefined>;

  /** Rejects for what is wrong with it wherever it is made, before a daemon is started. */
  checkCreateRequest(request: CreateSessionRequest): Promise<void>;
  /** Rejects for a name or a size with which nothing can be put into a session. */
  checkUpload(name: string, sizeBytes: number): Promise<void>;
  /** Rejects for an amount that is none. */
  checkBudget(budget: string): Promise<void>;

  /** The configuration in force. */
  settings(): Promise<Settings>;
  /** One setting; rejects with the nearest key for one that does not exist. */
  setting(key: string): Promise<SettingValue>;
  setSetting(key: string, value: string): Promise<void>;
  settingsPath(): Promise<string>;
  /** The built-in ones and those of the configuration. */
  agents(): Promise<readonly Agent[]>;
  /** Answers Claude Code's question about trust for the folder of our worktrees, in the user's own file. */
  trustClaudeWorktrees(): Promise<{ readonly path: string; readonly isChanged: boolean }>;

  /** A repository's own setup script, by a path in one of its checkouts. */
  setupScript(path: string): Promise<SetupScript | undefined>;
  /** The setup scripts that the user trusts. */
  setupTrust(): Promise<SetupTrust>;

  /** What the files of the home say about its proxy; starts and writes nothing. */
  proxyHome(): Promise<ProxyHome>;
  /** The proxy's process, when one runs. */
  runningProxy(): Promise<ProxyClient | undefined>;
  /** Why its last start failed, when none runs although somebody needs it. */
  failedProxy(): Promise<FailedStart | undefined>;

  /** Of the daemon that answers now. */
  daemonRecord(signal: AbortSignal): Promise<DaemonRecord | undefined>;
  startDaemon(signal: AbortSignal): Promise<{ readonly record: DaemonRecord; readonly isNew: boolean }>;
  /** Resolves when it is gone; false when none ran. */
  stopDaemon(signal: AbortSignal): Promise<boolean>;
  /** Until a signal ends it. */
  runDaemon(options: {
    readonly isForeground: boolean;
    readonly onReady: (record: DaemonRecord) => void;
  }): Promise<void>;
  token(): Promise<string>;
}
