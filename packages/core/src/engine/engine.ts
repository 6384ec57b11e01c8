import type { Agent } from "../contract/agent.ts";
import type { Backend } from "../contract/backend.ts";
import type { CallOptions } from "../contract/call-options.ts";
import type { Clauderon, ReconcileReport } from "../contract/clauderon.ts";
import type { Clock } from "../contract/clock.ts";
import type { Logger } from "../contract/logger.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import type { SessionStore } from "../contract/session-store.ts";
import type { WorkspaceProvider } from "../contract/workspace.ts";

/** Named places between all durable writes and external effects, where a test can end the process. */
export interface CrashPoints {
  /** Called whenever execution passes the point. Does nothing outside tests. */
  reach(name: string): void;
}

/** What a configured proxy puts into every session's environment. */
export interface ProxyPort {
  environment(session: {
    readonly id: string;
    readonly name: string;
    readonly backend: string;
  }): Readonly<Record<string, string>>;
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
  /** How long a deleted session can be brought back; default 30 days, 0 = not at all. */
  readonly undoKeepMs?: number | undefined;
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
  /** How many sessions are stored. */
  sessionCount(options?: CallOptions): Promise<number>;
}
