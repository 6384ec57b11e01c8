/** Powers that only some backends have. Asking an absent one rejects with `CapabilityUnsupportedError`. */
export type Capability =
  | "image"
  | "cpuLimit"
  | "memoryLimit"
  | "processLimit"
  | "pullPolicy"
  | "networkPolicy"
  | "hibernate"
  | "checkpoint"
  | "refresh"
  | "usage"
  | "user";

/** What stands between the agent and the host. */
export type Isolation = "none" | "container" | "pod" | "vm";

/**
 * How a sandbox sees the workspace: `host` as the same path on this machine; `mounted` at a path of its own, sharing the files but not the
 * git directory; `remote` not at all: everything goes through `exec` and `files`.
 */
export type WorkspaceAccess = "host" | "mounted" | "remote";

/** `bytes`: the agent's output is a sequence that can be replayed. `screen`: only the screen as it is now can be had. */
export type TerminalKind = "bytes" | "screen";

/** What a backend can do; constant for the life of a `Backend` object. The only place where a power is named. */
export interface BackendCapabilities extends Readonly<Record<Capability, boolean>> {
  readonly isolation: Isolation;
  readonly workspace: WorkspaceAccess;
  readonly terminal: TerminalKind;
  /** Sandboxes have a guest and its channel: `guest` and `channel` of a spec are taken, and the environment's proxy variables lead to the guest. Absent = no. */
  readonly channel?: boolean | undefined;
}
