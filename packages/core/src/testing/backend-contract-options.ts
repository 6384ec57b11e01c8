import type { Backend, BackendContext, SandboxSpec } from "../contract/index.ts";

/** A case that fails today: it must fail, and turns the suite red once it passes. */
export interface KnownFailure {
  readonly id: string;
  readonly reason: string;
  /** Where it is followed up. */
  readonly issue: string;
}

/** What only the author of a backend can know. Each is needed only where the backend has the power it belongs to. */
export interface ContractSamples {
  /** For the capability `image`: an image that has a POSIX shell, coreutils and grep. */
  readonly image?: string | undefined;
  /** For the capability `user`: a user of that image, as `UID[:GID]`. */
  readonly user?: string | undefined;
  /** Makes a spec with which `create` must fail with `sandbox.start-failed`; default: a workspace that is not there (not for `remote`). */
  readonly failing?: ((spec: SandboxSpec) => SandboxSpec) | undefined;
  /** Makes an object with that name that no instance of clauderon owns; disposing removes it. `create` must reject with `sandbox.name-taken`. */
  readonly foreign?: ((name: string, context: BackendContext) => Promise<AsyncDisposable>) | undefined;
}

/** How the conformance kit meets a backend. */
export interface BackendContractOptions {
  readonly name: string;
  /** A new object; called many times, also several times with one context and with contexts of other instances. */
  readonly create: (context: BackendContext) => Backend;
  readonly knownFailures?: readonly KnownFailure[] | undefined;
  /** Multiplies every deadline; default 1. */
  readonly slowFactor?: number | undefined;
  /** Cases at the same time; default 6. */
  readonly concurrency?: number | undefined;
  /** Runs these cases alone; default: all. */
  readonly only?: readonly string[] | undefined;
  /** Changes every spec before it is used: an image that the engine has, a channel. */
  readonly adapt?: ((spec: SandboxSpec) => SandboxSpec) | undefined;
  readonly samples?: ContractSamples | undefined;
  /** Frees what the backend keeps for a home beyond `close`: a keeper process. Called before the home is removed. */
  readonly teardown?: ((context: BackendContext) => Promise<void>) | undefined;
  /** Why the engine cannot be had here: the suite says so and is skipped, or fails when `CLAUDERON_REQUIRE` contains `name`. */
  readonly unavailable?: string | undefined;
}

/** How one case ended. */
export interface ContractResult {
  readonly id: string;
  /** `unsupported`: the backend lacks the power, and was seen to refuse it (or the case is for another kind of terminal or workspace). */
  readonly status: "passed" | "failed" | "unsupported";
  readonly durationMs: number;
  readonly error?: unknown;
}
