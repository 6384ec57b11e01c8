import { DaemonError } from "../contract/errors/daemon-error.ts";
import { homeDirectory as defaultHome } from "../settings/settings-paths.ts";
import type { DaemonFile } from "../wire/daemon-schema.ts";
import { findRunningDaemon } from "./find-running-daemon.ts";
import { startDaemonProcess } from "./start-daemon-process.ts";

export interface EnsureDaemonOptions {
  /** Absolute path; default: `CLAUDERON_HOME`, else `~/.clauderon`. */
  readonly homeDirectory?: string | undefined;
  /** What a daemon that is started gets, and where programs are looked for; default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Program and arguments to which `daemon run` is added; default: the installed `clauderon`. */
  readonly program?: readonly [string, ...string[]] | undefined;
  /** Default true. */
  readonly startDaemon?: boolean | undefined;
  /** Called before one is started. */
  readonly onStart?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A daemon that answered just now. */
export interface DaemonAddress {
  readonly file: DaemonFile;
  /** False when it ran already. */
  readonly isNew: boolean;
}

/**
 * The daemon of a home, started when none answers. Rejects with `daemon.unreachable` when none may be started or none comes up, with the
 * daemon's own error when it refuses to start.
 */
export async function ensureDaemon(options: EnsureDaemonOptions = {}): Promise<DaemonAddress> {
  const environment = options.environment ?? process.env;
  const homeDirectory = options.homeDirectory ?? defaultHome(environment);
  const running = await findRunningDaemon(homeDirectory, options.signal);
  if (running !== undefined) return { file: running, isNew: false };
  if (options.startDaemon === false) {
    throw new DaemonError({
      message: "The clauderon daemon does not run",
      why: `nobody answers for ${homeDirectory}`,
      fix: ["start it: clauderon daemon start"],
      context: { home: homeDirectory },
    });
  }
  options.onStart?.();
  const file = await startDaemonProcess({ ...options, environment, homeDirectory });
  return { file, isNew: true };
}
