import type { BackendCapabilities } from "./backend-capabilities.ts";
import type { CallOptions } from "./call-options.ts";
import type { Clock } from "./clock.ts";
import type { CommandRunner } from "./command-runner.ts";
import type { DoctorReport } from "./doctor-report.ts";
import type { Logger } from "./logger.ts";
import type { SandboxId, SandboxParts, SandboxSpec } from "./sandbox-spec.ts";
import type { Sandbox } from "./sandbox.ts";

/** What `list` tells of a sandbox. */
export interface SandboxSummary {
  readonly sandboxId: SandboxId;
  readonly name: string;
  readonly state: "running" | "stopped" | "hibernated" | "failed" | "unknown";
}

/**
 * Makes and finds sandboxes. The object holds no truth of its own: everything is found again from outside by a new object, in a new process.
 * Nothing outside that lacks this instance's mark is ever listed, opened, stopped or removed.
 */
export interface Backend extends AsyncDisposable {
  readonly specificationVersion: "backend-v1";
  /** `[a-z][a-z0-9-]*`, stable: sessions remember it. */
  readonly backendId: string;
  readonly capabilities: BackendCapabilities;

  /** Never throws or rejects but for an abort; every check that is not ok carries one fix. Ends within 10 s. */
  doctor(options?: CallOptions): Promise<DoctorReport>;

  /**
   * Resolves when `exec` works; starts no agent. Idempotent by `spec.sandboxId`: concurrent and repeated calls make one sandbox. On failure and on
   * abort nothing of it is left. Rejects with `backend.unavailable`, `sandbox.start-failed`, `sandbox.name-taken` when a foreign object has
   * the name, or `CapabilityUnsupportedError` before anything is made.
   */
  create(spec: SandboxSpec, options?: CallOptions): Promise<Sandbox>;

  /** The sandbox, running or not; `undefined` when there is none with our mark. Makes nothing. Of a channel without a socket the handle makes carriers, until it is disposed. */
  open(sandboxId: SandboxId, options?: CallOptions & SandboxParts): Promise<Sandbox | undefined>;

  /** Every sandbox of this instance, the half-made ones included: the input of reconcile. */
  list(options?: CallOptions): AsyncIterable<SandboxSummary>;

  /** Idempotent. Frees connections; sandboxes and agents go on. */
  close(): Promise<void>;
}

/** What the host program gives every backend. */
export interface BackendContext {
  /** Marks all that this installation creates; a UUID per home. */
  readonly instanceId: string;
  /** Absolute path of clauderon's home (`~/.clauderon`). A backend may write below `state/<backendId>` in it, nowhere else. */
  readonly homeDirectory: string;
  readonly runner: CommandRunner;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * What a package named by `[backends.NAME] module = "…"` exports. `settings` is that table of the configuration without `module`, as parsed;
 * reject what is unknown in it with a `SettingsError`. Synchronous, without I/O.
 */
export interface BackendModule {
  createBackend(context: BackendContext, settings: Readonly<Record<string, unknown>>): Backend;
}
