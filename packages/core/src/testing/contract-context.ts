import type { Backend, BackendContext, Sandbox, SandboxSpec } from "../contract/index.ts";
import type { ContractSamples } from "./backend-contract-options.ts";

/** What a case works with. Everything made through it is taken away after the case. */
export interface ContractContext {
  readonly backend: Backend;
  readonly samples: ContractSamples;
  /** A directory of this case alone inside `shared()`, relative to its workspace; made by `shared()`. */
  readonly directory: string;
  /** A directory on this machine outside every workspace, removed after the run. */
  readonly outside: string;
  readonly backendContext: BackendContext;
  /** Another object for the same instance, as after a restart. */
  readonly reopen: () => Backend;
  /** A backend of another installation: its own home and instance id. */
  readonly otherInstance: () => Promise<Backend>;
  /** A backend whose home is a file where a directory should be. */
  readonly brokenInstance: () => Backend;
  /** A spec with a new id, a unique name and a workspace of its own. */
  readonly spec: (overrides?: Partial<SandboxSpec>) => Promise<SandboxSpec>;
  /** Registers a spec that the case creates by itself, so that it is destroyed after it. */
  readonly track: (spec: SandboxSpec, backend?: Backend) => void;
  /** Whether the case registered a sandbox with this id. */
  readonly isTracked: (sandboxId: string) => boolean;
  /** A sandbox of this case alone. */
  readonly sandbox: (overrides?: Partial<SandboxSpec>) => Promise<Sandbox>;
  /** A running sandbox that cases share which neither stop it nor launch an agent in it. */
  readonly shared: () => Promise<Sandbox>;
  /** A word that is unique on this machine, to be put among a process's arguments. */
  readonly token: () => string;
  /** A duration stretched by the slow factor. */
  readonly milliseconds: (duration: number) => number;
  /** Looks until the probe gives something; fails after 20 s (stretched), naming what was waited for. */
  readonly until: <Value>(
    what: string,
    probe: () => Promise<Value | undefined | false> | Value | undefined | false,
    timeoutMs?: number,
  ) => Promise<Value>;
}

/** The body of a case: rejects when the backend does not do what the requirement says. */
export type ContractCase = (context: ContractContext) => Promise<void>;

/** Bodies by requirement id. */
export type ContractCases = Readonly<Record<string, ContractCase>>;

/** The body of a case about a power. */
export interface PowerCase {
  /** Asks for the power: must reject with `CapabilityUnsupportedError` where it is absent. */
  ask(context: ContractContext): Promise<unknown>;
  /** Shows that the power works where it is present. */
  works: ContractCase;
}

/** Bodies of power cases by requirement id. */
export type PowerCases = Readonly<Record<string, PowerCase>>;
