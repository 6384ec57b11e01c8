/** A UUID chosen by the caller; the session's id. */
export type SandboxId = string;

/** Which files the sandbox works on. */
export interface WorkspaceMount {
  /** Absolute path on this machine. Absent for backends whose workspace access is `remote`: there the sandbox starts with an empty one. */
  readonly hostPath?: string | undefined;
  /**
   * For `mounted` access: a file on this machine to be laid over the workspace's `.git`, and the directory it names, which the sandbox
   * has at that same absolute path and may write. Absent where the workspace has no git directory of its own. The file is laid over read-only, so
   * that nothing inside can replace what it covers; a backend that cannot is `remote`.
   */
  readonly gitFile?:
    | {
        readonly hostPath: string;
        readonly directory: string;
        /** Directories that the sandbox has at the same absolute path and can only read: objects that the git directory borrows. */
        readonly borrows?: readonly string[] | undefined;
      }
    | undefined;
}

/** Upper bounds; absent = none. */
export interface ResourceLimits {
  /** Whole or fractional processors. */
  readonly cpus?: number | undefined;
  readonly memoryBytes?: number | undefined;
  /** Processes and threads at a time. */
  readonly processes?: number | undefined;
}

/** When an image is fetched. */
export type PullPolicy = "always" | "if-not-present" | "never";

/**
 * What may be reached. `open`: everything; `listed`: the hosts named, by the proxy alone; `none`: nothing.
 */
export interface NetworkPolicy {
  readonly mode: "open" | "listed" | "none";
  /** Host names, `HOST:PORT`, or `*.HOST`; read in mode `listed`. */
  readonly allow?: readonly string[] | undefined;
}

/** The program put into sandboxes of other images and machines: PID 1, terminal, reports, way out (DESIGN §5.1). */
export interface GuestProgram {
  /** Absolute path on this machine of the program for that platform. */
  pathFor(platform: { readonly os: "linux"; readonly architecture: "x64" | "arm64" }): string;
  readonly version: string;
}

/** A byte stream to the guest of a sandbox, as it carries its channel. */
export interface ChannelCarrier {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * A session's way to the proxy, which knows the session by it: no secret goes in. The same for the life of the sandbox, also for other processes of ours. Needs the capability `channel`.
 */
export interface SandboxChannel {
  /** `socket`: the proxy listens in the directory, and takes carriers, too. `stream`: it takes carriers alone. */
  readonly kind: "socket" | "stream";
  /**
   * A directory on this machine that is to be mounted whole, read-only, at `/etc/clauderon`: `proxy.sock` with `socket` (mode 0666: whoever is in the sandbox may use it), and `proxy-ca.pem`, where the environment's
   * variables expect it. Where nothing can be mounted its files are put there.
   */
  readonly directory?: string | undefined;
  /** The port of the sandbox's loopback where the environment's proxy variables lead, as `host.docker.internal`: the guest listens there, and the backend makes the name known. */
  readonly proxyPort?: number | undefined;
  /** Takes the sandbox's end of a carrier: the guest speaks first. The backend makes one after another; a lost one is followed within 60 s, or what went over the channel is broken off. Both streams end when the carrier is not wanted any more. */
  accept?(carrier: ChannelCarrier): void;
}

/** What comes from the program that runs a backend, not from the session: given at each making and opening. */
export interface SandboxParts {
  /** Needs the capability `channel`. */
  readonly guest?: GuestProgram | undefined;
  /** Needs the capability `channel`. Absent: the sandbox has no way to a proxy. */
  readonly channel?: SandboxChannel | undefined;
}

/** Everything a backend needs to make a sandbox. Plain data but for `guest` and `channel`; equal specs make equal sandboxes. */
export interface SandboxSpec extends SandboxParts {
  readonly sandboxId: SandboxId;
  /** The session's name, `[a-z0-9][a-z0-9-]*`, ≤ 63 characters. What is created outside is called `clauderon-<name>`. */
  readonly name: string;
  readonly workspace: WorkspaceMount;
  /** The environment of the agent and of every `exec`, whole on host backends, added to the image's elsewhere. Never written to a disk by us. */
  readonly environment: Readonly<Record<string, string>>;
  /** Needs the capability `image`. */
  readonly image?: string | undefined;
  /** Needs the capability `pullPolicy`. */
  readonly pullPolicy?: PullPolicy | undefined;
  /** Needs the capabilities `cpuLimit`, `memoryLimit`, `processLimit`. */
  readonly limits?: ResourceLimits | undefined;
  /** Needs the capability `networkPolicy`. */
  readonly network?: NetworkPolicy | undefined;
  /** Needs the capability `user`: a user name or `UID[:GID]`. */
  readonly user?: string | undefined;
  /** Needs the capability `hibernate`; milliseconds of idleness, `"never"` = stays awake. */
  readonly hibernationTimeoutMs?: number | "never" | undefined;
}
