import type { CallOptions } from "./call-options.ts";

/** What an agent's hook told, inside a sandbox: the word of whoever runs there. */
export interface AgentReport {
  /** Rises from 1 by 1 within an epoch. */
  readonly sequence: number;
  readonly at: Date;
  /** The hook's name, as the agent calls it: letters, digits and `_ . -`, at most 64 characters. */
  readonly event: string;
  /** What the agent handed to the hook, small members alone. Holds texts of user and model. */
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface AgentReports {
  /** Of the one who counts; another one begins at 1 again. */
  readonly epoch: string;
  /** In order, the oldest first; empty is allowed. */
  readonly reports: readonly AgentReport[];
  /** How many came after the position asked for and are no longer kept. */
  readonly lost: number;
}

export interface AgentReportsOptions extends CallOptions {
  /** Those after it; a position of another epoch is the beginning. Default: all that are kept. */
  readonly after?: { readonly epoch: string; readonly sequence: number } | undefined;
}

/** A hook of the agent told that it came to this point. Holds no text of user or model. */
export interface AgentReportEventBody {
  readonly type: "agent.reported";
  /** As the agent calls it: `Stop`, `Notification`. */
  readonly event: string;
  readonly tool?: string | undefined;
  /** Which kind, where the agent says: of a notification, of a beginning or an end. */
  readonly detail?: string | undefined;
}
