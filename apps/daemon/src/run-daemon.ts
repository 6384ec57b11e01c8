import { homeDirectory as defaultHome, loadSettings, type Settings } from "@clauderon/core";
import type { Logger } from "@clauderon/core/contract";
import type { DaemonFile } from "@clauderon/core/wire";

import { compose } from "./compose.ts";
import { createDaemonLogger } from "./daemon-logger.ts";
import { claimHome } from "./instance/claim-home.ts";
import { createCrashPoints } from "./instance/crash-points.ts";
import type { HomeLock } from "./instance/home-lock.ts";
import { isInsideSession, leaveSession, runOutsideSession } from "./instance/leave-session.ts";
import { readOrCreateToken } from "./security/token-file.ts";
import { startDaemon } from "./start-daemon.ts";

export interface RunDaemonOptions {
  /** Absolute path; default: `CLAUDERON_HOME` of the environment, else `~/.clauderon`. */
  readonly homeDirectory?: string | undefined;
  /** For settings, and for finding programs. */
  readonly environment: NodeJS.ProcessEnv;
  /** Log to standard error too, and end with the terminal. */
  readonly isForeground: boolean;
  /** Wins over settings; 0 = any free one. */
  readonly port?: number | undefined;
  /** Name of a crash point; default: `CLAUDERON_CRASH_AT`. */
  readonly crashAt?: string | undefined;
  /** Ends the daemon like SIGTERM. */
  readonly signal?: AbortSignal | undefined;
  /** Called once when it answers. */
  readonly onReady?: ((file: DaemonFile) => void) | undefined;
}

/**
 * Runs the daemon of a home in this process; resolves after SIGTERM, SIGINT or the signal, when everything is closed. Agents go on. Inside a session
 * it runs this program again, outside of it. Rejects with `daemon.already-running`, `daemon.port-taken`, a settings or a store error.
 */
export async function runDaemon(options: RunDaemonOptions): Promise<void> {
  const { environment } = options;
  if (isInsideSession(process.env)) {
    process.exitCode = await runOutsideSession(process.env);
    return;
  }
  leaveSession();
  const settings = await readSettings(options);
  const { homeDirectory } = settings;
  const ended = untilEnded(options);
  await using stack = new AsyncDisposableStack();
  const lock = await claimUnlessEnded(homeDirectory, ended);
  if (lock === undefined) return;
  stack.defer(() => lock.release());
  const logger = createDaemonLogger({ homeDirectory, isForeground: options.isForeground });
  stack.use(logCrashes(logger));
  try {
    const token = await readOrCreateToken(homeDirectory, logger);
    const crashPoints = createCrashPoints(options.crashAt ?? environment["CLAUDERON_CRASH_AT"]);
    const composition = stack.use(await compose({ settings, environment, logger, crashPoints }));
    const daemon = await startDaemon({ settings, composition, token, logger });
    stack.defer(() => daemon.close());
    options.onReady?.(daemon.file);
    const reason = await ended;
    logger.info({ reason }, "the daemon ends; agents go on");
  } catch (error) {
    logger.error({ error }, "the daemon ends with an error");
    throw error;
  }
}

/** `undefined` when this process was asked to end before it had the home. */
async function claimUnlessEnded(homeDirectory: string, ended: Promise<string>): Promise<HomeLock | undefined> {
  const asked = new AbortController();
  void ended.then((reason) => asked.abort(reason));
  try {
    return await claimHome(homeDirectory, asked.signal);
  } catch (error) {
    if (asked.signal.aborted) return undefined;
    throw error;
  }
}

function readSettings(options: RunDaemonOptions): Promise<Settings> {
  const { environment, port, homeDirectory = defaultHome(environment) } = options;
  const flags = port === undefined ? {} : { "daemon.port": { flag: "--port", value: port } };
  return loadSettings({ homeDirectory, environment, flags });
}

/** Resolves with what asks this process to end. A daemon in the background outlives the terminal it was started from. */
function untilEnded({ isForeground, signal }: RunDaemonOptions): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const signals: readonly NodeJS.Signals[] = isForeground ? ["SIGTERM", "SIGINT", "SIGHUP"] : ["SIGTERM", "SIGINT"];
  for (const name of signals) process.on(name, () => resolve(name));
  if (!isForeground) process.on("SIGHUP", () => undefined);
  signal?.addEventListener("abort", () => resolve("abort"), { once: true });
  if (signal?.aborted === true) resolve("abort");
  return promise;
}

/** What nobody caught is written down before this process ends by it: state that cannot be trusted is not gone on with. */
function logCrashes(logger: Logger): Disposable {
  const crash = (error: unknown): void => {
    logger.error({ error }, "the daemon crashed");
    process.exit(1);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
  return {
    [Symbol.dispose]() {
      process.off("uncaughtException", crash);
      process.off("unhandledRejection", crash);
    },
  };
}
