/** What `GET /_ping`, `/version` and `/info` tell. */
export interface EngineFacts {
  /** `29.7.2`. */
  readonly version: string;
  readonly apiVersion: string;
  readonly minApiVersion: string;
  readonly os: string;
  /** `x64`, `arm64`, or as the engine names another. */
  readonly architecture: string;
  readonly operatingSystem: string;
  readonly isPodman: boolean;
  readonly isRootless: boolean;
  /** The engine maps users of containers to others of the machine. */
  readonly hasUserNamespace: boolean;
  readonly processors: number;
  readonly memoryBytes: number;
  readonly canLimitCpu: boolean;
  readonly canLimitMemory: boolean;
  readonly canLimitProcesses: boolean;
  readonly runtimes: readonly string[];
  readonly warnings: readonly string[];
}

export interface ContainerStatus {
  readonly id: string;
  /** Without the slash. */
  readonly name: string;
  /** `created running paused restarting removing exited dead`. */
  readonly state: string;
  readonly processId: number;
  readonly exitCode: number;
  readonly error: string;
  readonly isOutOfMemory: boolean;
  readonly startedAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  /** Names of the networks it is in; `none` is one without any. */
  readonly networks: readonly string[];
  readonly networkMode: string;
  /** As it was given: `1000:1000`. */
  readonly user: string;
  readonly mounts: readonly { readonly source: string; readonly target: string; readonly isWritable: boolean }[];
}

export interface ContainerEntry {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ImageFacts {
  readonly id: string;
  readonly os: string;
  readonly architecture: string;
  readonly user: string;
  readonly environment: readonly string[];
  readonly digests: readonly string[];
}
