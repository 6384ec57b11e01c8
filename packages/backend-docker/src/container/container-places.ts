import { dirname, join } from "node:path";

/** Where things are inside. */
export const inside = {
  workspace: "/workspace",
  home: "/home/agent",
  /** Read-only: the guest's program. */
  program: "/opt/clauderon",
  /** The guest's own: its socket, and its key for a moment. */
  run: "/run/clauderon",
  /** Read-only: the way to the proxy, and the certificates to trust. */
  channel: "/etc/clauderon",
  /** Where nothing else is said. */
  proxyPort: 3030,
} as const;

export const guestProgram: string = join(inside.program, "clauderon-guest");

/** Where the things of one sandbox are on this machine. */
export interface SandboxPlaces {
  readonly directory: string;
  /** The guest's key, for the daemon alone. */
  readonly key: string;
  readonly lock: string;
  readonly run: string;
  readonly guestKey: string;
  readonly guestSocket: string;
  readonly home: string;
}

export function sandboxPlaces(stateDirectory: string, sandboxId: string): SandboxPlaces {
  const directory = join(stateDirectory, sandboxId);
  const run = join(directory, "run");
  return {
    directory,
    key: join(directory, "key"),
    lock: join(directory, "lock"),
    run,
    guestKey: join(run, "key"),
    guestSocket: join(run, "guest.sock"),
    home: join(directory, "home"),
  };
}

/** Mounted whole: a file that is mounted alone is lost when it is replaced. */
export function programDirectory(path: string): string {
  return dirname(path);
}
