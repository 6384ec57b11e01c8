import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { BackendError } from "@clauderon/core/contract";
import { keeperEnvironment } from "@clauderon/core/host";

import { isErrorCode } from "./host-error-code.ts";
import { dialSocket } from "./host-link.ts";
import { takeHostLock } from "./host-lock.ts";
import { checkPrivateDirectory, ensurePrivateDirectory, hostPaths } from "./host-paths.ts";

const startMs = 30_000;
const sourceCondition = "@clauderon/source";

/** A small young generation, collection when the host asks for it, and no optimising compilers, whose code and data weigh more than all else it does. */
const smallProcess = ["--max-semi-space-size=1", "--expose-gc", "--no-opt", "--no-maglev"];

export interface HostProgramOptions {
  readonly homeDirectory: string;
  /** Path of the session host's program; default: the one of this package. */
  readonly program?: string | undefined;
  /** Milliseconds without sandboxes and clients after which it ends; default 30,000. */
  readonly idleMs?: number | undefined;
}

/** A connection to the host of a home, or `undefined` when none runs. */
export async function dialSessionHost(homeDirectory: string): Promise<Socket | undefined> {
  const paths = hostPaths(homeDirectory);
  try {
    checkPrivateDirectory(paths.runDirectory);
    checkPrivateDirectory(paths.socketDirectory);
    return await dialSocket(paths.socket);
  } catch (error) {
    if (isErrorCode(error, "ENOENT", "ECONNREFUSED", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** A connection to the host of a home, which is started when none runs. However many do this at once, one host runs. */
export async function startSessionHost(options: HostProgramOptions): Promise<Socket> {
  const { homeDirectory } = options;
  const paths = hostPaths(homeDirectory);
  ensurePrivateDirectory(paths.runDirectory);
  ensurePrivateDirectory(paths.socketDirectory);
  const deadline = performance.now() + startMs;
  let started: { hasExited(): boolean } | undefined;
  try {
    while (performance.now() < deadline) {
      const socket = await dialSessionHost(homeDirectory);
      if (socket !== undefined) return socket;
      // One of several clients starts it, and starts it again when it ended because an old one was just leaving.
      if (started?.hasExited() === true || (started === undefined && takeHostLock(paths.starterLock)))
        started = launch(options);
      await delay(10);
    }
  } finally {
    if (started !== undefined) rmSync(paths.starterLock, { force: true });
  }
  throw new BackendError({
    message: "The session host did not start",
    why: `nothing answered on ${paths.socket} within ${startMs / 1000} s`,
    fix: [`see ${paths.log}`],
  });
}

/** What the host's own process needs. Sessions bring their environment with them, and each of their processes can read what stands here. */
const hostVariables = [
  "CLAUDERON_HOME",
  "HOME",
  "LANG",
  "LC_ALL",
  "LD_LIBRARY_PATH",
  "PATH",
  "TMPDIR",
  "TZ",
  "USER",
  "XDG_RUNTIME_DIR",
];

function hostEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return keeperEnvironment(Object.fromEntries(hostVariables.map((name) => [name, environment[name]])));
}

function launch({ homeDirectory, program, idleMs }: HostProgramOptions): { hasExited(): boolean } {
  const { log } = hostPaths(homeDirectory);
  mkdirSync(dirname(log), { recursive: true, mode: 0o700 });
  const output = openSync(log, "a", 0o600);
  const path = program ?? createRequire(import.meta.url).resolve("@clauderon/terminal/session-host");
  const conditions = path.endsWith(".ts") ? ["--conditions", sourceCondition] : [];
  const child = spawn(
    process.execPath,
    [...smallProcess, ...conditions, path, homeDirectory, ...(idleMs === undefined ? [] : [String(idleMs)])],
    { cwd: "/", detached: true, stdio: ["ignore", output, output], env: hostEnvironment(process.env) },
  );
  closeSync(output);
  let hasExited = false;
  void Promise.race([once(child, "exit"), once(child, "error")])
    .catch(() => undefined)
    .finally(() => {
      hasExited = true;
    });
  child.unref();
  return { hasExited: () => hasExited };
}
