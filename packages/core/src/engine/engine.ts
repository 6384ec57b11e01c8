import type { Agent } from "../contract/agent.ts";
import type { Isolation } from "../contract/backend-capabilities.ts";
import type { Backend } from "../contract/backend.ts";
import type { CallOptions } from "../contract/call-options.ts";
import type { Clauderon, ReconcileReport } from "../contract/clauderon.ts";
import type { Clock } from "../contract/clock.ts";
import type { Logger } from "../contract/logger.ts";
import type { GuestProgram, SandboxChannel } from "../contract/sandbox-spec.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import type { SessionAccess, SessionBudget } from "../contract/session-access.ts";
import type { RecordRequest, SessionStore } from "../contract/session-store.ts";
import type { WorkspaceProvider } from "../contract/workspace.ts";
import type { AccessRequest } from "./session-access.ts";

/** Named places between all durable writes and external effects, where a test can end the process. */
export interface CrashPoints {
  /** Called whenever execution passes the point. Does nothing outside tests. */
  reach(name: string): void;
}

/** Who a session is to its proxy, and what it may do there. */
export interface SessionIdentity {
  readonly id: string;
  readonly name: string;
  readonly backend: string;
  readonly isolation: Isolation;
  /** Whether the sandbox has a channel, by which it reaches the proxy. */
  readonly hasChannel?: boolean | undefined;
  readonly access: SessionAccess;
  /** Short name of the session's branch. */
  readonly branch: string;
  /** Where git would push that branch; `undefined` = nowhere. May hold a user's name or token. */
  pushUrl(): Promise<string | undefined>;
}

/** A session that is about to run. */
export interface ProxiedSession extends SessionIdentity {
  readonly agent: string;
  /** What its processes have without the proxy. */
  readonly environment: Readonly<Record<string, string>>;
  /** A directory of the session, outside the workspace; may not exist yet. */
  readonly sessionDirectory: string;
}

/** Gives sessions the use of credentials; what it answers is the one decision whether a session has proxy variables. */
export interface ProxyPort {
  /** Throws for what cannot be read, and for what would not be enforced, before anything is made of it. */
  check(session: Pick<SessionIdentity, "backend" | "isolation" | "hasChannel" | "access">): void;
  /** Makes the session's identity, in place of a former one, and says which variables it is used by; none when the session has no proxy. */
  admit(session: ProxiedSession, options?: CallOptions): Promise<Readonly<Record<string, string>>>;
  /** From its next request on a session that has an identity may do this; false when it has none. */
  change(session: SessionIdentity): Promise<boolean>;
  /** What was used, and the limits; without what was used for a session that it does not know. */
  budget(session: Pick<SessionIdentity, "id" | "access">): Promise<Pick<SessionBudget, "session" | "day">>;
  /** Ends what the session was given. Idempotent, also for sessions it never knew. `keepsUse`: what it used goes on counting when it is admitted again. */
  revoke(sessionId: string, options?: { readonly keepsUse?: boolean | undefined }): Promise<void>;
  /** The sessions that have an identity. */
  admitted(): Promise<readonly string[]>;
  /** The way of a session that has an identity and whose sandbox has a channel; `undefined` for all others. Starts nothing. */
  channel?(sessionId: string): Promise<SandboxChannel | undefined>;
}

export interface EngineSettings {
  /** `auto` or a backend id; default: zellij when it is usable, else local. */
  readonly defaultBackend?: string | undefined;
  /** Where `defaultBackend` was set, to be named in the reason: `CLAUDERON_BACKEND`, `config.toml`. */
  readonly defaultBackendOrigin?: string | undefined;
  /** Default `claude`. */
  readonly defaultAgent?: string | undefined;
  /** Default `clauderon/`. */
  readonly branchPrefix?: string | undefined;
  /** What a session gets for what its request leaves open. */
  readonly access?: AccessRequest | undefined;
  /** How long a deleted session can be brought back; default 30 days, 0 = not at all. */
  readonly undoKeepMs?: number | undefined;
  /** Ignored files that take more are not kept for undo unless the user says so; default 256 MiB. */
  readonly undoIgnoredLimitBytes?: number | undefined;
  /** Untracked files that a new workspace gets copies of, as in a `.gitignore`. */
  readonly include?: readonly string[] | undefined;
  /** Run in each new workspace before its agent starts; a shell of the sandbox reads it. */
  readonly setup?: string | undefined;
  /** After so long a setup is ended; default 10 minutes. */
  readonly setupTimeoutMs?: number | undefined;
}

export interface EngineOptions {
  /** Absolute path of the home; everything the engine writes itself lies below `state/` in it. */
  readonly homeDirectory: string;
  readonly backends: readonly Backend[];
  readonly agents: readonly Agent[];
  readonly workspaces: WorkspaceProvider;
  readonly store: SessionStore;
  readonly settings?: EngineSettings | undefined;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
  /** What agents of host backends get from callers that name no environment of their own; default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Absent = no proxy: the proxy variables are then set nowhere. */
  readonly proxy?: ProxyPort | undefined;
  /** The program for sandboxes that have a channel. */
  readonly guest?: GuestProgram | undefined;
  readonly crashPoints?: CrashPoints | undefined;
}

/** The owner of sessions. One per home and process; it writes through the store it was given and closes nothing it was given. */
export interface Engine extends Clauderon {
  /** Called once after a start: continues or takes back what a crash interrupted, then reconciles. Sessions can be read before it ends. */
  recover(options?: CallOptions): Promise<ReconcileReport>;
  /** The sandbox behind a session. Rejects with `session.not-found`, `sandbox.not-found`. */
  openSandbox(reference: string, options?: CallOptions): Promise<Sandbox>;
  /** Every name that `CrashPoints.reach` can be called with. */
  readonly crashPointNames: readonly string[];
  /** Stores what was seen of sessions, and how far its source was read; those who follow events are told. Rejects as the store does. */
  record(request: RecordRequest): Promise<void>;
  /** How many sessions are stored. */
  sessionCount(options?: CallOptions): Promise<number>;
}
