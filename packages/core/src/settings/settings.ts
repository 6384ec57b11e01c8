import type { NetworkPolicy, PullPolicy } from "../contract/sandbox-spec.ts";
import type { AccessMode } from "../contract/session-access.ts";

/** Where a value came from. */
export interface SettingOrigin {
  readonly kind: "flag" | "environment" | "file" | "default";
  /** `--port`, `CLAUDERON_PORT`, `/home/me/.clauderon/config.toml:3`, `default`. */
  readonly place: string;
}

/** One setting in force. */
export interface SettingValue {
  /** As in the file, with its table: `general.default_backend`. */
  readonly key: string;
  /** `undefined` when nothing says it. */
  readonly value: unknown;
  readonly origin: SettingOrigin;
}

/** The configuration in force. */
export interface Settings {
  readonly homeDirectory: string;
  readonly path: string;
  readonly general: { readonly defaultBackend: string | undefined; readonly defaultAgent: string };
  readonly daemon: { readonly port: number; readonly isAutostart: boolean };
  readonly attach: { readonly detachKeys: string };
  readonly workspace: {
    readonly branchPrefix: string;
    readonly include: readonly string[];
    /** What isolated sessions may see of a repository; empty: its tags and branches but for those of sessions. */
    readonly refs: readonly string[];
    readonly setup: string | undefined;
    readonly setupTimeoutMs: number;
    /** What may come out of a sandbox's git directory at once. */
    readonly sync: {
      readonly maxBytes: number;
      readonly maxObjects: number;
      readonly maxRefs: number;
      readonly timeoutMs: number;
    };
  };
  readonly undo: { readonly keepMs: number; readonly ignoredLimitBytes: number };
  readonly agents: Readonly<Record<string, AgentSettings>>;
  readonly backends: Readonly<Record<string, BackendSettings>>;
  /** `undefined`: as soon as the home has a secret or a proxy.toml. */
  /** What a new session gets for what its own options leave open. */
  readonly session: {
    readonly accessMode: AccessMode | undefined;
    readonly network: NetworkPolicy["mode"] | undefined;
    readonly allow: readonly string[];
    readonly deny: readonly string[];
    readonly isAdvisory: boolean;
    readonly budget: string | undefined;
  };
  readonly proxy: { readonly isEnabled: boolean | undefined };
  readonly docker: DockerTable;
  readonly zellij: { readonly program: string | undefined };
  /** Every value with its origin, in the order of the definitions. */
  readonly values: readonly SettingValue[];
}

/** `[docker]`, and `[docker.limits]` in it. */
export interface DockerTable {
  readonly endpoint: string | undefined;
  readonly defaultImage: string | undefined;
  /** Where the image was named. */
  readonly defaultImageOrigin: string | undefined;
  readonly pullPolicy: PullPolicy;
  readonly channel: "socket" | "stream" | undefined;
  readonly cpus: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly processes: number | undefined;
}

export interface AgentSettings {
  /** Of an agent of the user's own. */
  readonly command: readonly [string, ...string[]] | undefined;
  readonly trustWorktrees: boolean;
}

export interface BackendSettings {
  readonly module: string | undefined;
  /** The table without `module`, for the backend itself to check. */
  readonly settings: Readonly<Record<string, unknown>>;
}
