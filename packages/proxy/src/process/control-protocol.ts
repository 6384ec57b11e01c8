import type { ClauderonErrorJson } from "@clauderon/core/contract";

import type { BudgetAccounts, Spending } from "../budget/create-budget-keeper.ts";
import type { CredentialRule, ProxyIdentity } from "../policy/proxy-types.ts";
import type { ProxyStatus } from "../running-proxy.ts";
import type { TapRecord } from "../tap/tap-event.ts";

export const controlProtocol = 1;

type NoParameters = Readonly<Record<string, never>>;

/** What the daemon may ask of the proxy's process; one JSON line each way, answered by `id`. */
export interface ControlMethods {
  /** Adds or replaces a session. Its token is told once. `channelDirectory`: whoever connects to `proxy.sock` there is the session's sandbox, and speaks the channel protocol. */
  add(parameters: {
    readonly identity: ProxyIdentity;
    readonly socketPath?: string | undefined;
    readonly channelDirectory?: string | undefined;
  }): { token: string };
  /** False when there is no such session. */
  update(parameters: { readonly identity: ProxyIdentity }): boolean;
  /** `keepsSpending`: a session that is added again under this id goes on from what it used. */
  remove(parameters: { readonly sessionId: string; readonly keepsSpending?: boolean | undefined }): boolean;
  /** What sandboxes are wired with: the rules in force, the names of the secrets that there are, and the account of the ChatGPT login among them. */
  wiring(parameters: NoParameters): {
    readonly rules: readonly CredentialRule[];
    readonly secrets: readonly string[];
    readonly codexAccountId?: string | undefined;
  };
  /** Reads proxy.toml and the secrets again; what the user should know. */
  reload(parameters: NoParameters): readonly string[];
  /** Ports of this machine that no session reaches, in place of those of the start. */
  closePorts(parameters: { readonly ports: readonly number[] }): null;
  rotateAuthority(parameters: NoParameters): null;
  /** `limit` as `parseBudget` reads it; none lifts it. */
  limit(parameters: { readonly sessionId: string; readonly limit?: string | undefined }): null;
  spending(parameters: { readonly sessionId: string }): Spending;
  /** What was used, of which limit; `isKnown` = the session is. */
  budget(parameters: { readonly sessionId: string }): BudgetAccounts & { readonly isKnown: boolean };
  status(parameters: NoParameters): ProxyProcessStatus;
  /** `whenIdle`: true when it ends because nothing is open. */
  stop(parameters: { readonly whenIdle: boolean }): boolean;
  /** From here on the connection also carries `ControlEvent`s, those after the position first. It is ended when more wait than are kept. */
  events(parameters: EventPosition): FollowStart;
  /** The events of this epoch up to this one are stored: they need not be kept any more. */
  acknowledge(parameters: { readonly epoch: string; readonly sequence: number }): null;
}

/** How far somebody has read. */
export interface EventPosition {
  readonly since: number;
  /** Of the process that counted so; a position of another process is the beginning. */
  readonly epoch?: string | undefined;
}

export interface FollowStart {
  readonly epoch: string;
  readonly latest: number;
  /** How many events after the position were given up because nobody stored them. */
  readonly lost: number;
}

export interface ProxyProcessStatus extends ProxyStatus {
  readonly processId: number;
  /** Of this protocol; a daemon that speaks another replaces the process when it is idle. */
  readonly protocol: number;
  /** Of the package it was started from. */
  readonly version: string;
  /** It was asked to end when nothing is open. */
  readonly isEndingWhenIdle?: boolean | undefined;
  /** Why a changed proxy.toml is not in force; the settings before it are. */
  readonly settingsProblem?: ClauderonErrorJson | undefined;
  readonly port: number;
  readonly bundlePath: string;
  readonly trustStorePath: string;
  /** Where the daemon hands connections over. */
  readonly daemonSocketPath: string;
  /** Where `openCarrier` leads. */
  readonly carrierSocketPath: string;
}

export type ControlMethod = keyof ControlMethods;

export interface ControlRequest<Method extends ControlMethod = ControlMethod> {
  readonly id: number;
  readonly method: Method;
  readonly parameters: Parameters<ControlMethods[Method]>[0];
}

export type ControlAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ClauderonErrorJson };

/** A record of the model tap with its place in the order; 10,000 that nobody acknowledged are kept for a daemon that comes back. */
export interface ControlEvent {
  readonly sequence: number;
  readonly record: TapRecord;
}

/** What the program is told on its standard input when it starts; nothing of it is in its own environment or on a disk. */
export interface ProxyStart {
  readonly home: string;
  readonly userHome: string;
  /** Variables that hold secrets, and the network's own proxy. */
  readonly environment: Readonly<Record<string, string>>;
  readonly closedPorts: readonly number[];
}
